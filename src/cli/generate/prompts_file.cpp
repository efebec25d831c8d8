#include "cli/generate/prompts_file.h"

#include <algorithm>
#include <string_view>

#include "base/file.h"

namespace tempera::cli {
namespace {

constexpr size_t kLargest = 64 << 20;
constexpr std::string_view kSpace = " \t\r";

}  // namespace

Result<std::vector<std::string>> read_prompts_file(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path == "-" ? "/dev/stdin" : path, kLargest));
  std::vector<std::string> prompts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const size_t from = line.find_first_not_of(kSpace);
    if (from != std::string_view::npos)
      prompts.emplace_back(line.substr(from, line.find_last_not_of(kSpace) + 1 - from));
    begin = end + 1;
  }
  if (prompts.empty())
    return error(ErrorCode::invalid_argument, "{}: the file holds no prompt", path);
  return prompts;
}

}  // namespace tempera::cli
