// SPDX-License-Identifier: Apache-2.0
#include "worker/contacts.h"

#include "attempt/contact.h"
#include "base/log.h"

namespace takt::worker {

void Contacts::heard(const std::string& store, BootTime said) {
  BootTime& last = last_[store];
  if (said > last && said <= BootClock::now()) last = said;
}

void Contacts::note(const std::string& store) {
  const auto written = attempt::write_contact(path(store), last(store));
  if (!written && !complained_)
    log_error("the contact with the scheduler cannot be noted, jobs with a lease will be ended: " +
              written.error().message);
  complained_ = !written;
}

BootTime Contacts::last(const std::string& store) const {
  const auto found = last_.find(store);
  return found == last_.end() ? BootTime() : found->second;
}

std::string Contacts::path(const std::string& store) const {
  return directory_ + "/contact." + store;
}

}  // namespace takt::worker
