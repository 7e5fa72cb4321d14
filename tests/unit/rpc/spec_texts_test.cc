// SPDX-License-Identifier: Apache-2.0
// Every text of a spec has a bound, by its descriptor: also one that is added later. What no worker
// could ever start is refused.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "rpc/convert_spec.h"

namespace takt::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using PutText = std::function<void(v1::JobSpec&, const std::string&)>;

v1::JobSpec small_spec_message() {
  v1::JobSpec message;
  message.add_argv("/bin/true");
  return message;
}

// Gives the other fields of an entry what makes it one that is accepted.
void fill_entry(Message& entry, const FieldDescriptor* but) {
  const auto* reflection = entry.GetReflection();
  for (int i = 0; i < entry.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = entry.GetDescriptor()->field(i);
    if (field == but) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM)
      reflection->SetEnumValue(&entry, field, 1);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) reflection->SetInt64(&entry, field, 1);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
    if (field->is_repeated()) {
      reflection->AddString(&entry, field, "k");
    } else {
      reflection->SetString(&entry, field, "k");
    }
  }
}

using Check = std::function<void(const std::string& name, const PutText& put)>;
using At = std::function<Message*(v1::JobSpec&)>;

// Checks every text of the message, and of those within.
void for_each_text(
    const google::protobuf::Descriptor& type, const Check& check, const std::string& path = "",
    const At& at = [](v1::JobSpec& spec) { return &spec; }) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    const std::string name = path + field->name();
    const auto put = [at, field](v1::JobSpec& spec, const std::string& text) {
      Message* const message = at(spec);
      const auto* reflection = message->GetReflection();
      if (message != &spec) fill_entry(*message, field);
      if (field->is_repeated()) return reflection->AddString(message, field, text);
      reflection->SetString(message, field, text);
    };
    const auto within = [at, field](v1::JobSpec& spec) -> Message* {
      Message* const message = at(spec);
      const auto* reflection = message->GetReflection();
      return field->is_repeated() ? reflection->AddMessage(message, field)
                                  : reflection->MutableMessage(message, field);
    };
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) check(name, put);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      for_each_text(*field->message_type(), check, name + ".", within);
  }
}

// All errors of the spec whose field begins with that.
std::string errors_of(const v1::JobSpec& message, const std::string& field) {
  const Result<JobSpec> spec = spec_from_proto(message);
  if (spec.ok()) return "";
  std::string text = spec.error().field.starts_with(field) ? spec.error().message : "";
  for (const Error& other : spec.error().more)
    if (other.field.starts_with(field)) text += "; " + other.message;
  return text;
}

// What a text has to begin with, for a short one to be accepted: a name, a path, the id of a job.
constexpr const char* kForms[] = {"x", "/x", "0a0b0c0d-0000-4000-8000-00000000000a"};

TEST(SpecTexts, EveryTextHasABound) {
  int texts = 0;
  for_each_text(*v1::JobSpec::descriptor(), [&](const std::string& name, const PutText& put) {
    ++texts;
    // Files of the job's own: bounded by the whole spec.
    if (name == "script" || name == "stdin_data") return;
    v1::JobSpec base;
    if (name != "argv") base.add_argv("/bin/true");
    bool accepted = false;
    for (const std::string form : kForms) {
      v1::JobSpec message = base;
      put(message, form);
      if (!errors_of(message, "").empty()) continue;
      accepted = true;
      message = base;
      put(message, form + std::string(200'000, 'x'));
      const std::string top = name.substr(0, name.find('.'));
      EXPECT_NE(errors_of(message, "spec." + top), "") << name << " has no bound";
    }
    EXPECT_TRUE(accepted) << name << ": no short text is accepted, so a long one shows nothing";
  });
  EXPECT_GE(texts, 15);
  v1::JobSpec message = small_spec_message();
  message.set_stdin_data(std::string(limits::kSpecMaxBytes + 1, 'x'));
  EXPECT_NE(errors_of(message, "spec"), "");
  message.clear_stdin_data();
  message.set_script("#!/bin/sh\n" + std::string(limits::kSpecMaxBytes, 'x'));
  EXPECT_NE(errors_of(message, "spec"), "");
}

// Texts that no worker could ever start a job with.
TEST(SpecTexts, WhatCanNeverStartIsRefused) {
  const std::string long_name(256, 'n');
  struct Case {
    std::string field;
    std::function<void(v1::JobSpec&)> spoil;
  };
  const std::vector<Case> cases{
      {"spec.argv[0]", [&](v1::JobSpec& spec) { spec.set_argv(0, "/opt/" + long_name); }},
      {"spec.argv[0]", [&](v1::JobSpec& spec) { spec.set_argv(0, long_name); }},
      {"spec.argv[0]", [](v1::JobSpec& spec) { spec.set_argv(0, "/" + std::string(4095, '/')); }},
      {"spec.argv[1]", [](v1::JobSpec& spec) { spec.add_argv(std::string(131'072, 'x')); }},
      {"spec.environment",
       [](v1::JobSpec& spec) {
         spec.add_environment()->set_name("LONG");
         spec.mutable_environment(0)->set_value(std::string(131'067, 'x'));
       }},
      {"spec.working_directory",
       [&](v1::JobSpec& spec) { spec.set_working_directory("/srv/" + long_name); }},
      {"spec.user", [](v1::JobSpec& spec) { spec.set_user("alice:x"); }},
      {"spec.group", [](v1::JobSpec& spec) { spec.set_group(std::string(100'000, 'g')); }},
      {"spec.group", [](v1::JobSpec& spec) { spec.set_group("a\nb"); }},
      {"spec.script", [](v1::JobSpec& spec) { spec.set_script("#!\necho\n"); }},
      {"spec.script", [](v1::JobSpec& spec) { spec.set_script("#!  "); }},
      {"spec.script", [](v1::JobSpec& spec) { spec.set_script("#!/bin/sh\r\necho\r\n"); }},
      {"spec.script",
       [&](v1::JobSpec& spec) { spec.set_script("#!/" + std::string(260, 'i') + "\n"); }},
      {"spec.constraints.values",
       [](v1::JobSpec& spec) {
         spec.add_constraints()->set_key("zone");
         spec.mutable_constraints(0)->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
         spec.mutable_constraints(0)->add_values("no label has blanks");
       }},
  };
  for (const Case& one : cases) {
    v1::JobSpec message = small_spec_message();
    one.spoil(message);
    EXPECT_NE(errors_of(message, one.field), "") << one.field;
  }
  v1::JobSpec message = small_spec_message();
  message.set_argv(0, "/opt/" + std::string(255, 'n'));
  message.add_argv(std::string(131'071, 'x'));
  message.set_working_directory("/srv/" + std::string(255, 'n') + "/");
  EXPECT_EQ(errors_of(message, ""), "");
}

}  // namespace
}  // namespace takt::rpc
