// SPDX-License-Identifier: Apache-2.0
// The framed binary records in the store's columns. Decoding any bytes is safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "job/state.h"
#include "job/worker.h"

namespace takt::store {

std::string encode_end(const JobEnd& end);
Result<JobEnd> decode_end(std::string_view record);

std::string encode_usage(const Usage& usage);
Result<Usage> decode_usage(std::string_view record);

std::string encode_labels(const Labels& labels);
Result<Labels> decode_labels(std::string_view record);

std::string encode_capacity(const Capacity& capacity);
Result<Capacity> decode_capacity(std::string_view record);

}  // namespace takt::store
