#include "cli/generate/picture_names.h"

#include <filesystem>
#include <set>

#include "api/run/files.h"
#include "base/text.h"

namespace tempera::cli {
namespace {

namespace fs = std::filesystem;

Result<std::string> field(std::string_view name, const PictureNumbers& picture) {
  if (name == "seed") return std::to_string(picture.seed);
  if (name == "index") return std::to_string(picture.index);
  if (name == "width") return std::to_string(picture.width);
  if (name == "height") return std::to_string(picture.height);
  return error(ErrorCode::invalid_argument,
               "unknown field {} in the output's name; there are {{seed}}, {{index}}, {{width}}, "
               "{{height}}",
               quote(name));
}

Result<std::string> expand(std::string_view pattern, const PictureNumbers& picture) {
  std::string text;
  while (!pattern.empty()) {
    const size_t open = pattern.find('{');
    const size_t close = pattern.find('}', open);
    text += pattern.substr(0, close == std::string_view::npos ? pattern.size() : open);
    if (close == std::string_view::npos) break;
    ASSIGN_OR_RETURN(const std::string value,
                     field(pattern.substr(open + 1, close - open - 1), picture));
    text += value;
    pattern.remove_prefix(close + 1);
  }
  return text;
}

Status check_place(const std::string& name) {
  TRY(api::check_picture_name(name));
  const fs::path folder = fs::path(name).parent_path();
  std::error_code ignored;
  if (folder.empty() || fs::is_directory(folder, ignored)) return {};
  return error(ErrorCode::not_found, "cannot write {}: there is no folder {}", name,
               folder.string());
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) || (!path.empty() && path.back() == '/');
}

}  // namespace

std::string with_suffix(const std::string& name, const std::string& suffix) {
  fs::path path(name);
  const std::string file = path.stem().string() + suffix + path.extension().string();
  return path.replace_filename(file).string();
}

Result<std::vector<std::string>> picture_names(const std::string& asked,
                                               const std::vector<PictureNumbers>& pictures,
                                               const std::string& otherwise) {
  std::string pattern = asked.empty() ? otherwise : asked;
  if (is_folder(pattern)) pattern = (fs::path(pattern) / otherwise).string();
  std::vector<std::string> names;
  for (const PictureNumbers& picture : pictures) {
    ASSIGN_OR_RETURN(names.emplace_back(), expand(pattern, picture));
    TRY(check_place(names.back()));
  }
  if (std::set(names.begin(), names.end()).size() == names.size()) return names;
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = with_suffix(names[i], "-" + std::to_string(pictures[i].index));
  return names;
}

}  // namespace tempera::cli
