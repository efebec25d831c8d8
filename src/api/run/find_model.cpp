#include "api/run/find_model.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundled = "models/tempera-emoji";

std::vector<std::string> places() {
  std::vector<std::string> found;
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  if (!failure)
    found.push_back((program.parent_path().parent_path() / "share/tempera" / kBundled).string());
  found.push_back((fs::path(TEMPERA_SOURCE_DIR) / kBundled).string());
  return found;
}

}  // namespace

Result<std::string> find_default_model() {
  const char* named = std::getenv("TEMPERA_MODEL");
  if (named != nullptr && *named != '\0') return std::string(named);
  std::error_code ignored;
  for (const std::string& place : places())
    if (fs::is_directory(place, ignored)) return place;
  return error(ErrorCode::not_found, "the bundled model is not at {}; name a model with -m",
               fmt::join(places(), " or "));
}

}  // namespace tempera::api
