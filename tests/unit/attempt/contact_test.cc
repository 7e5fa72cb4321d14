// SPDX-License-Identifier: Apache-2.0
#include "attempt/contact.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "base/fs.h"
#include "unit/base/temp_folder.h"

namespace takt::attempt {
namespace {

using namespace std::chrono_literals;

class Contact : public testing::Test {
 protected:
  void put(const std::string& text) { ASSERT_TRUE(write_file(AT_FDCWD, path_, text, 0600).ok()); }
  std::string text() { return read_file(AT_FDCWD, path_, 1000).value(); }

  test::TempFolder folder_;
  std::string path_ = folder_.path() + "/contact";
  BootTime now_{1000s};
};

TEST_F(Contact, ComesBackWrittenOverInPlace) {
  EXPECT_FALSE(read_contact(path_, now_)) << "there is none yet";
  for (const BootTime when : {BootTime(0s), BootTime(999s), BootTime(1us), now_}) {
    ASSERT_TRUE(write_contact(path_, when).ok());
    EXPECT_EQ(read_contact(path_, now_), when);
    EXPECT_EQ(text().size(), boot_id().size() + 22);
  }
}

TEST_F(Contact, OfTheFutureIsNotTaken) {
  ASSERT_TRUE(write_contact(path_, now_ + 1us).ok());
  EXPECT_FALSE(read_contact(path_, now_));
}

TEST_F(Contact, OfAnotherBootIsNotTaken) {
  ASSERT_TRUE(write_contact(path_, BootTime(1s)).ok());
  std::string other = text();
  other[0] = other[0] == 'a' ? 'b' : 'a';
  put(other);
  EXPECT_FALSE(read_contact(path_, now_));
}

TEST_F(Contact, ThatIsNotWholeIsNotTaken) {
  ASSERT_TRUE(write_contact(path_, BootTime(1s)).ok());
  const std::string whole = text();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(whole.substr(0, length));
    EXPECT_FALSE(read_contact(path_, now_)) << length;
  }
  put(whole + "\n");
  EXPECT_FALSE(read_contact(path_, now_));
  std::string letters = whole;
  letters[letters.size() - 3] = 'x';
  put(letters);
  EXPECT_FALSE(read_contact(path_, now_));
  for (const char sign : {'-', '+', ' '}) {
    std::string signed_zero = attempt::encode_contact(boot_id(), BootTime());
    signed_zero[boot_id().size() + 1] = sign;
    put(signed_zero);
    EXPECT_FALSE(read_contact(path_, now_)) << sign;
  }
}

TEST_F(Contact, ThatCannotBeWrittenIsAnError) {
  const auto written = write_contact(folder_.path() + "/none/contact", now_);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().error_number, ENOENT);
}

}  // namespace
}  // namespace takt::attempt
