// SPDX-License-Identifier: Apache-2.0
// What `run` and `submit` have in common: a spec with its standard input, sent once however often
// the call is repeated.
#pragma once

#include <string>

#include "cli/invocation.h"
#include "cli/spec_options.h"

namespace takt::cli {

// The request from the options, standard input included. The error is one of usage (kInvalid) or of
// reading standard input.
Result<v1::SubmitJobRequest> make_submission(Invocation& call, const SpecOptions& options,
                                             const std::string& request_id);

// Puts the jobs that it depends on into the request, by their ids. The error names the option.
Result<void> find_dependencies(Client& client, const SpecOptions& options,
                               v1::SubmitJobRequest& request);

}  // namespace takt::cli
