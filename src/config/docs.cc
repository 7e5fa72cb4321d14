// SPDX-License-Identifier: Apache-2.0
#include "config/docs.h"

#include <algorithm>
#include <string_view>

namespace takt::config {
namespace {

constexpr std::size_t kCommentWidth = 98;

// Words of `text` in comment lines.
std::string comment(std::string_view text) {
  std::string all;
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (line.size() + 1 + end > kCommentWidth) {
      all += line + "\n";
      line = "#";
    }
    line += " " + std::string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all + line + "\n";
}

// Text for mdoc: what roff would take for its own is escaped, and each sentence has its line.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool line_start = out.empty() || out.back() == '\n';
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == ' ' && i > 0 && text[i - 1] == '.')
      out += '\n';
    else
      out += c;
  }
  return out;
}

constexpr std::string_view kReloads = "A reload takes a new value.";

std::string default_of(const KeyInfo& key) {
  const std::string reload = key.reloads ? std::string(kReloads) + "\n" : "";
  if (!key.default_text.empty())
    return "Default: \n.Ql " + roff(key.default_text) + " .\n" + reload;
  return "Default: " + roff(key.default_note) + ".\n" + reload;
}

// What a daemon does on SIGHUP.
std::string reloading(const FileInfo& file) {
  if (file.program == "takt") return "";
  return ".Sh RELOADING\n.Ql systemctl reload " + std::string(file.program) +
         "\nhas the files read again.\nNew values of the keys of which the list below says so are "
         "taken at once; of all others the\njournal says that they take a restart.\nWhere there is "
         "a mistake nothing is taken, and the journal has the mistakes.\nCertificates are read "
         "again in any case.\n";
}

std::string main_file_of(const FileInfo& file) {
  return "/etc/takt/" + std::string(file.conf_name);
}

std::string keys_in_mdoc(const FileInfo& file, const SectionInfo& section) {
  std::string out = ".Ss [" + std::string(section.name) + "]\n" + roff(section.help) +
                    "\n.Bl -tag -width indent\n";
  for (const KeyInfo& key : file.keys) {
    if (key.section != section.name) continue;
    out += ".It Ic " + std::string(key.name) + "\n" + roff(key.help) + "\nAccepts " +
           roff(key.accepts) + ".\n" + default_of(key);
  }
  return out + ".El\n";
}

constexpr std::string_view kSyntax = R"(.Sh SYNTAX
Lines are
.Ql [section] ,
.Ql key = value ,
or comments, which begin with
.Ql #
or
.Ql \&; .
A
.Ql \&;
with a blank before it begins a comment too, at any place of a line.
Values are not quoted.
A list has commas between its elements.
A line has at most 190 bytes, begins in the first column and is not continued on the next one.
Sizes are written
.Ql 512M
or
.Ql 2G
(base 1024), times
.Ql 90s ,
.Ql 5min
or
.Ql 2h .
.Pp
Nothing is ignored: an unknown section or key, a bad value, a key given twice in one file, or a line
of another form is an error that names file and line and says what would be accepted.
Up to 20 of them are told at once.
)";

// How the files are read; the client has two sets of them and a variable.
std::string reading_order(const FileInfo& file) {
  const std::string main_file = main_file_of(file);
  if (file.program == "takt")
    return ".Bl -enum -compact\n.It\nthe defaults below\n.It\n.Pa " + main_file + "\n.It\n.Pa " +
           main_file +
           ".d/*.conf ,\nsorted by name\n.It\n.Pa $XDG_CONFIG_HOME/takt/client.conf\n(else\n.Pa "
           "~/.config/takt/client.conf ) ,\nand the files of that name followed by\n.Pa .d/*.conf\n"
           ".It\nthe environment variable\n.Ev TAKT_ADDRESS\n.It\nthe option\n.Fl "
           "\\-address\n.El\n";
  return ".Bl -enum -compact\n.It\nthe defaults below\n.It\n.Pa " + main_file +
         " ,\nor the file given by\n.Fl \\-config\n.It\nthat file's name followed by\n.Pa "
         ".d/*.conf ,\nsorted by name\n.It\nthe options\n.Fl \\-set Ar SECTION.KEY=VALUE\n.El\n";
}

}  // namespace

std::string sample_file(const FileInfo& file) {
  const std::string page = "takt-" + std::string(file.conf_name);
  std::string out = comment(main_file_of(file) + ", read by " + std::string(file.program) +
                            "; see " + page + "(5).");
  out += "#\n";
  out += comment(
      "The values below are the defaults. To change one, take away the # before it, or better put "
      "your own lines into a file in " +
      main_file_of(file) + ".d/ whose name ends in .conf: what stands there wins.");
  for (const SectionInfo& section : file.sections) {
    out += "\n" + comment(section.help) + "[" + std::string(section.name) + "]\n";
    for (const KeyInfo& key : file.keys) {
      if (key.section != section.name) continue;
      out += "\n" + comment(key.help) + comment("Accepts " + std::string(key.accepts) + ".");
      if (key.default_text.empty())
        out += comment("Default: " + std::string(key.default_note) + ".");
      if (key.reloads) out += comment(std::string(kReloads));
      out += "#" + std::string(key.name) + " =";
      if (!key.default_text.empty()) out += " " + std::string(key.default_text);
      out += "\n";
    }
  }
  return out;
}

std::string manual_page(const FileInfo& file) {
  const std::string page = "takt-" + std::string(file.conf_name);
  const std::string reader =
      ".Xr " + std::string(file.program) + " " + std::string(file.program_section);
  std::string out =
      ".\\\" SPDX-License-Identifier: Apache-2.0\n"
      ".\\\" Written by takt-config-docs from the table of keys in src/config; change it there.\n"
      ".Dd November 22, 2026\n.Dt TAKT-";
  for (char c : file.conf_name) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  out += " 5\n.Os takt\n.Sh NAME\n.Nm " + page + "\n.Nd " + std::string(file.summary) + "\n";
  out += ".Sh SYNOPSIS\n.Pa " + main_file_of(file) + "\n.Pp\n.Pa " + main_file_of(file) +
         ".d/*.conf\n";
  out += ".Sh DESCRIPTION\n" + reader +
         "\nreads, each overriding the ones before it, key by key:\n" + reading_order(file) +
         std::string(kSyntax) + reloading(file) + ".Sh KEYS\n";
  for (const SectionInfo& section : file.sections) out += keys_in_mdoc(file, section);
  out += ".Sh SEE ALSO\n.Xr takt 1 ,\n.Xr takt-scheduler 8 ,\n.Xr takt-worker 8\n";
  return out;
}

}  // namespace takt::config
