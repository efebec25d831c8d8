#include "diffusion/prompt/wildcards.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <vector>

#include "base/file.h"
#include "base/suggest.h"
#include "base/text.h"
#include "diffusion/prompt/whole_word.h"

namespace tempera::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 32;          // wildcards in lines of wildcards
constexpr size_t kLongest = 1 << 20;  // bytes of the whole text
constexpr size_t kLargestFile = 64 << 20;
constexpr std::string_view kMark = "__";

bool is_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-/. ").find(c) != std::string_view::npos || (c & 0x80) != 0;
}

// A __name__ in a text: where it begins, and its size.
struct Wildcard {
  size_t at, size;
  std::string name(std::string_view text) const {
    return std::string(text.substr(at + kMark.size(), size - 2 * kMark.size()));
  }
};

std::optional<Wildcard> find_wildcard(std::string_view text, size_t from) {
  for (size_t at; (at = text.find(kMark, from)) != std::string_view::npos; from = at + 1) {
    const size_t name = at + kMark.size();
    const size_t end = text.find(kMark, name);
    if (end == std::string_view::npos) return {};
    const std::string_view between = text.substr(name, end - name);
    if (!between.empty() && std::ranges::all_of(between, is_in_name))
      return Wildcard{at, end + kMark.size() - at};
  }
  return {};
}

Error missing(const std::string& name, const std::string& folder) {
  std::vector<std::string> known;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
    if (entry.path().extension() == ".txt")
      known.push_back(entry.path().lexically_relative(folder).replace_extension().string());
  return error(ErrorCode::not_found, "there is no wildcard {}: {} has no file {}{}", quote(name),
               folder, quote(name + ".txt"), suggestion(name, known));
}

Result<std::vector<std::string>> read_lines(const std::string& name, const std::string& folder) {
  const fs::path file = fs::path(name + ".txt").lexically_normal();
  const fs::path path = fs::path(folder) / file;
  std::error_code ignored;
  if (file.is_absolute() || *file.begin() == ".." || !fs::is_regular_file(path, ignored))
    return missing(name, folder);
  ASSIGN_OR_RETURN(const std::string text, read_file(path.string(), kLargestFile));
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line =
        trim_back(trim_front(std::string_view(text).substr(begin, end - begin)));
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
    begin = end + 1;
  }
  if (lines.empty())
    return error(ErrorCode::invalid_argument, "the wildcard {} has no line in {}", quote(name),
                 path.string());
  return lines;
}

class Expander {
 public:
  Expander(const std::string& folder, uint64_t seed) : folder_(folder), random_(seed) {}

  Result<std::string> expand(std::string_view text, int depth) {
    std::string result;
    size_t from = 0;
    while (const auto wildcard = find_wildcard(text, from)) {
      result += text.substr(from, wildcard->at - from);
      const std::string name = wildcard->name(text);
      ASSIGN_OR_RETURN(const std::string chosen, choose(name, depth));
      result += chosen;
      if (result.size() > kLongest) return endless(name);
      from = wildcard->at + wildcard->size;
    }
    return result + std::string(text.substr(from));
  }

 private:
  Result<std::string> choose(const std::string& name, int depth) {
    if (depth == kDeepest) return endless(name);
    ASSIGN_OR_RETURN(const std::vector<std::string> lines, read_lines(name, folder_));
    return expand(lines[random_() % lines.size()], depth + 1);
  }

  static Error endless(const std::string& name) {
    return error(ErrorCode::invalid_argument,
                 "the wildcard {} does not come to an end: its lines hold wildcards that hold it",
                 quote(name));
  }

  const std::string& folder_;
  std::mt19937_64 random_;
};

}  // namespace

bool has_wildcards(std::string_view text) { return find_wildcard(text, 0).has_value(); }

Result<std::string> expand_wildcards(std::string_view text, const std::string& folder,
                                     uint64_t seed) {
  return Expander(folder, seed).expand(text, 0);
}

}  // namespace tempera::diffusion
