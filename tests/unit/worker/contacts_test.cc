// SPDX-License-Identifier: Apache-2.0
#include "worker/contacts.h"

#include <gtest/gtest.h>

#include "attempt/contact.h"
#include "unit/base/temp_folder.h"

namespace takt::worker {
namespace {

using namespace std::chrono_literals;

TEST(Contacts, AreKeptForEachStoreAndNeverGoBack) {
  const test::TempFolder folder;
  Contacts contacts(folder.path());
  const BootTime now = BootClock::now();
  EXPECT_EQ(contacts.last("a"), BootTime());
  contacts.heard("a", now - 2s);
  contacts.heard("b", now - 5s);
  contacts.heard("a", now - 3s);
  EXPECT_EQ(contacts.last("a"), now - 2s);
  EXPECT_EQ(contacts.last("b"), now - 5s);
  EXPECT_FALSE(attempt::read_contact(contacts.path("a"), now)) << "nobody has asked for it";
  for (const char* store : {"a", "b"}) contacts.note(store);
  for (const char* store : {"a", "b"})
    EXPECT_EQ(attempt::read_contact(contacts.path(store), now),
              std::chrono::floor<microseconds>(contacts.last(store)));
}

TEST(Contacts, OfTheFutureAreNotBelieved) {
  const test::TempFolder folder;
  Contacts contacts(folder.path());
  contacts.heard("a", BootClock::now() + 1h);
  EXPECT_EQ(contacts.last("a"), BootTime());
}

TEST(Contacts, ThatCannotBeNotedAreKnownAllTheSame) {
  Contacts contacts("/nowhere");
  const BootTime now = BootClock::now();
  contacts.heard("a", now);
  contacts.note("a");
  EXPECT_EQ(contacts.last("a"), now);
}

}  // namespace
}  // namespace takt::worker
