// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <uuid/uuid.h>

#include <cstring>

namespace takt {

Uuid Uuid::random() {
  Uuid id;
  uuid_generate_random(id.bytes_.data());
  return id;
}

Uuid Uuid::from_name(const Uuid& space, std::string_view name) {
  Uuid id;
  uuid_generate_sha1(id.bytes_.data(), space.bytes_.data(), name.data(), name.size());
  return id;
}

Result<Uuid> Uuid::parse(std::string_view text, std::string_view field) {
  Uuid id;
  if (text.size() == 36 && uuid_parse(std::string(text).c_str(), id.bytes_.data()) == 0) return id;
  return invalid(std::string(field), "\"" + std::string(text.substr(0, 64)) +
                                         "\" is not a UUID such as "
                                         "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61");
}

std::string Uuid::str() const {
  char text[37];
  uuid_unparse_lower(bytes_.data(), text);
  return text;
}

std::size_t Uuid::hash() const {
  std::size_t value = 0;
  std::memcpy(&value, bytes_.data(), sizeof value);
  return value;
}

}  // namespace takt
