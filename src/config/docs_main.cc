// SPDX-License-Identifier: Apache-2.0
// takt-config-docs [--write DIR]: writes etc/*.conf and man/*.conf.5 below DIR (the source tree)
// from the tables of keys; without --write prints them all. Not installed.
#include <fcntl.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "base/fs.h"
#include "config/docs.h"
#include "config/files.h"

namespace takt::config {
namespace {

// Prints the text under its name, or writes it below `root`. False if that failed.
bool deliver(const char* root, const std::string& name, const std::string& text) {
  if (root == nullptr) {
    std::printf("==> %s\n%s\n", name.c_str(), text.c_str());
    return true;
  }
  const Result<void> written = write_file(AT_FDCWD, std::string(root) + "/" + name, text, 0644);
  if (!written) std::fprintf(stderr, "takt-config-docs: %s\n", written.error().message.c_str());
  return written.ok();
}

int run(const char* root) {
  bool good = true;
  for (const FileInfo* file : {&worker_file(), &scheduler_file(), &client_file()}) {
    const std::string conf_name(file->conf_name);
    good = deliver(root, "etc/" + conf_name, sample_file(*file)) && good;
    good = deliver(root, "man/takt-" + conf_name + ".5", manual_page(*file)) && good;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace takt::config

int main(int argc, char** argv) {
  if (argc == 1) return takt::config::run(nullptr);
  if (argc == 3 && std::strcmp(argv[1], "--write") == 0) return takt::config::run(argv[2]);
  std::fputs("usage: takt-config-docs [--write SOURCE_TREE]\n", stderr);
  return 2;
}
