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
using PutText = std::function<void(v1::JobSpec&)>;

v1::JobSpec small_spec_message() {
  v1::JobSpec message;
  message.add_argv("/bin/true");
  return message;
}

// Gives every text of the message, and of those within, this value, one text at a time.
void for_each_text(
    const google::protobuf::Descriptor& type, const std::string& text,
    const std::function<void(const std::string&, const PutText&)>& check,
    const std::string& path = "",
    const std::function<Message*(v1::JobSpec&)>& at = [](v1::JobSpec& spec) { return &spec; }) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    const std::string name = path + field->name();
    const auto put = [at, field, text](v1::JobSpec& spec) {
      Message* const message = at(spec);
      const auto* reflection = message->GetReflection();
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
      for_each_text(*field->message_type(), text, check, name + ".", within);
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

TEST(SpecTexts, EveryTextHasABound) {
  int texts = 0;
  for_each_text(*v1::JobSpec::descriptor(), std::string(200'000, 'x'),
                [&](const std::string& name, const PutText& put) {
                  ++texts;
                  // Files of the job's own: bounded by the whole spec.
                  if (name == "script" || name == "stdin_data") return;
                  v1::JobSpec message;
                  if (name != "argv") message.add_argv("/bin/true");
                  put(message);
                  const std::string top = name.substr(0, name.find('.'));
                  EXPECT_NE(errors_of(message, "spec." + top), "") << name << " has no bound";
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
    PutText spoil;
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
