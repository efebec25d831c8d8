#include "runtime/artifact.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "runtime/artifact_files.h"
#include "runtime/plan_json.h"

namespace tempera::runtime {
namespace {

namespace fs = std::filesystem;

// Weights are gigabytes: hashing them would take longer than running the model. Their reader checks
// their structure.
bool is_hashed(std::string_view path) {
  return !path.starts_with("weights/") && !path.starts_with("packed/");
}

Error torn(const std::string& folder, std::string_view what) {
  return error(ErrorCode::data_loss,
               "{}: {}; the artifact was not copied whole or was changed, compile it again", folder,
               what);
}

// Reading artifact.json: every fault of a field is the file's.
template <typename T>
Result<T> field(const Json& json, std::string_view key, std::string_view where) {
  Result<T> value = get<T>(json, key, where);
  if (value.ok()) return value;
  return error(ErrorCode::data_loss, "{}", value.error().message);
}

Result<const Json*> list_field(const Json& json, std::string_view key, std::string_view where) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end() || !found->is_array())
    return error(ErrorCode::data_loss, "{}: field {} must be a list", where, quote(key));
  return &*found;
}

Result<std::string> path_field(const Json& json, std::string_view key, std::string_view where) {
  ASSIGN_OR_RETURN(std::string path, field<std::string>(json, key, where));
  if (!is_inner_path(path))
    return error(ErrorCode::data_loss, "{}: {} is no path inside the artifact", where, quote(path));
  return path;
}

Result<ArtifactTarget> read_target(const Json& json, std::string_view where) {
  const auto found = json.is_object() ? json.find("target") : json.end();
  if (found == json.end())
    return error(ErrorCode::data_loss, "{}: field 'target' is missing", where);
  ArtifactTarget target;
  ASSIGN_OR_RETURN(target.backend, field<std::string>(*found, "backend", where));
  ASSIGN_OR_RETURN(target.triple, field<std::string>(*found, "triple", where));
  ASSIGN_OR_RETURN(target.cpu, field<std::string>(*found, "cpu", where));
  ASSIGN_OR_RETURN(const Json* features, list_field(*found, "features", where));
  for (const Json& feature : *features) {
    if (!feature.is_string())
      return error(ErrorCode::data_loss, "{}: features must be strings", where);
    target.features.push_back(feature.get<std::string>());
  }
  return target;
}

Result<ArtifactPlan> read_entry(const Json& json, std::string_view where) {
  ArtifactPlan plan;
  ASSIGN_OR_RETURN(plan.component, field<std::string>(json, "component", where));
  ASSIGN_OR_RETURN(plan.height, field<int64_t>(json, "height", where));
  ASSIGN_OR_RETURN(plan.width, field<int64_t>(json, "width", where));
  ASSIGN_OR_RETURN(plan.batch_size, field<int64_t>(json, "batch_size", where));
  ASSIGN_OR_RETURN(plan.file, path_field(json, "file", where));
  const auto options = json.find("options");
  if (options == json.end() || !options->is_object())
    return error(ErrorCode::data_loss, "{}: field 'options' must be an object", where);
  for (const auto& [key, value] : options->items()) {
    if (!value.is_string())
      return error(ErrorCode::data_loss, "{}: option {} must be a string", where, quote(key));
    plan.options.emplace_back(key, value.get<std::string>());
  }
  return plan;
}

Result<std::vector<ArtifactPlan>> read_entries(const Json& json, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* list, list_field(json, "plans", where));
  std::vector<ArtifactPlan> plans;
  for (const Json& plan : *list) {
    ASSIGN_OR_RETURN(plans.emplace_back(), read_entry(plan, where));
  }
  return plans;
}

Result<std::vector<ArtifactCode>> read_others(const Json& json, std::string_view where) {
  std::vector<ArtifactCode> others;
  if (!json.contains("others")) return others;
  ASSIGN_OR_RETURN(const Json* list, list_field(json, "others", where));
  for (const Json& other : *list) {
    ArtifactCode& code = others.emplace_back();
    ASSIGN_OR_RETURN(code.target, read_target(other, where));
    ASSIGN_OR_RETURN(code.plans, read_entries(other, where));
    ASSIGN_OR_RETURN(code.code_file, path_field(other, "code_file", where));
  }
  return others;
}

Result<std::map<std::string, std::string>> read_packed(const Json& json, std::string_view where) {
  std::map<std::string, std::string> packed;
  const auto found = json.find("packed");
  if (found == json.end()) return packed;
  if (!found->is_object())
    return error(ErrorCode::data_loss, "{}: field 'packed' must be an object", where);
  for (const auto& [part, ignored] : found->items()) {
    ASSIGN_OR_RETURN(packed[part], path_field(*found, part, where));
  }
  return packed;
}

Status check_file(const Json& json, const std::string& folder, std::string_view where) {
  ASSIGN_OR_RETURN(const std::string path, path_field(json, "path", where));
  ASSIGN_OR_RETURN(const int64_t size, field<int64_t>(json, "bytes", where));
  const std::string full = folder + "/" + path;
  std::error_code failure;
  const auto actual = static_cast<int64_t>(fs::file_size(full, failure));
  if (failure) return torn(folder, fmt::format("file {} is missing", quote(path)));
  if (actual != size)
    return torn(folder, fmt::format("file {} has {} of {} bytes", quote(path), actual, size));
  if (!is_hashed(path)) return {};
  ASSIGN_OR_RETURN(const std::string hash, field<std::string>(json, "hash", where));
  ASSIGN_OR_RETURN(const auto file, MappedFile::open(full));
  if (hash128_hex(text_of(file->bytes())) != hash)
    return torn(folder,
                fmt::format("file {} does not have the contents it was written with", quote(path)));
  return {};
}

// Every file, and that plans and code are among them.
Status check_files(const Json& json, const Artifact& artifact, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* files, list_field(json, "files", where));
  std::set<std::string> listed;
  for (const Json& file : *files) {
    TRY(check_file(file, artifact.folder, where));
    listed.insert(file["path"].get<std::string>());
  }
  std::vector<std::string> needed = {artifact.code_file};
  for (const ArtifactPlan& plan : artifact.plans) needed.push_back(plan.file);
  for (const ArtifactCode& code : artifact.others) {
    needed.push_back(code.code_file);
    for (const ArtifactPlan& plan : code.plans) needed.push_back(plan.file);
  }
  for (const auto& [part, file] : artifact.packed) needed.push_back(file);
  for (const std::string& path : needed)
    if (!listed.contains(path))
      return error(ErrorCode::data_loss, "{}: file {} is not in the list of files", where,
                   quote(path));
  return {};
}

Status check_format(const Json& json, std::string_view where) {
  ASSIGN_OR_RETURN(const int64_t format, field<int64_t>(json, "format", where));
  if (format == kArtifactFormat) return {};
  return error(ErrorCode::unsupported,
               "{}: the artifact has format {}, this program reads {}; compile it again", where,
               format, kArtifactFormat);
}

std::string option(const PlanOptions& options, std::string_view key) {
  const auto found = std::ranges::find(options, key, &PlanOptions::value_type::first);
  return found == options.end() ? "" : found->second;
}

bool has_options(const ArtifactPlan& plan, const PlanOptions& wanted) {
  return std::ranges::all_of(
      wanted, [&](const auto& pair) { return option(plan.options, pair.first) == pair.second; });
}

// "512x512 batch 2 (part shallow)": size, and those of the options that are asked about.
std::string plan_text(int64_t height, int64_t width, int64_t batch_size, const PlanOptions& options,
                      const PlanOptions& asked) {
  std::string text;
  for (const auto& [key, ignored] : asked)
    if (const std::string value = option(options, key); !value.empty())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
  return fmt::format("{}x{} batch {}{}", width, height, batch_size,
                     text.empty() ? "" : " (" + text + ")");
}

}  // namespace

namespace {

Json target_json(const ArtifactTarget& target) {
  return {{"backend", target.backend},
          {"triple", target.triple},
          {"cpu", target.cpu},
          {"features", target.features}};
}

Json entries_json(const std::vector<ArtifactPlan>& entries) {
  Json plans = Json::array();
  for (const ArtifactPlan& plan : entries) {
    Json options = Json::object();
    for (const auto& [key, value] : plan.options) options[key] = value;
    plans.push_back({{"component", plan.component},
                     {"height", plan.height},
                     {"width", plan.width},
                     {"batch_size", plan.batch_size},
                     {"options", std::move(options)},
                     {"file", plan.file}});
  }
  return plans;
}

}  // namespace

Json to_json(const Artifact& artifact) {
  Json json = {{"format", kArtifactFormat},
               {"tempera_version", artifact.tempera_version},
               {"model", artifact.model},
               {"target", target_json(artifact.target)},
               {"plans", entries_json(artifact.plans)},
               {"code_file", artifact.code_file},
               {"weights", artifact.weights}};
  if (!artifact.packed.empty()) json["packed"] = artifact.packed;
  for (const ArtifactCode& code : artifact.others)
    json["others"].push_back({{"target", target_json(code.target)},
                              {"plans", entries_json(code.plans)},
                              {"code_file", code.code_file}});
  return json;
}

Result<Artifact> open_artifact(const std::string& folder) {
  const std::string where = folder + "/" + std::string(kArtifactFile);
  ASSIGN_OR_RETURN(const Json json, read_json_file(where));
  TRY(check_format(json, where));
  Artifact artifact;
  artifact.folder = folder;
  ASSIGN_OR_RETURN(artifact.tempera_version, field<std::string>(json, "tempera_version", where));
  ASSIGN_OR_RETURN(artifact.model, field<std::string>(json, "model", where));
  ASSIGN_OR_RETURN(artifact.target, read_target(json, where));
  ASSIGN_OR_RETURN(artifact.code_file, path_field(json, "code_file", where));
  ASSIGN_OR_RETURN(artifact.weights, field<std::string>(json, "weights", where));
  ASSIGN_OR_RETURN(artifact.plans, read_entries(json, where));
  ASSIGN_OR_RETURN(artifact.others, read_others(json, where));
  ASSIGN_OR_RETURN(artifact.packed, read_packed(json, where));
  TRY(check_files(json, artifact, where));
  return artifact;
}

void use_code(Artifact& artifact, size_t index) {
  ArtifactCode& other = artifact.others.at(index);
  std::swap(artifact.target, other.target);
  std::swap(artifact.plans, other.plans);
  std::swap(artifact.code_file, other.code_file);
}

std::string path_in(const Artifact& artifact, std::string_view file) {
  return fmt::format("{}/{}", artifact.folder, file);
}

std::string weights_folder(const Artifact& artifact) {
  if (artifact.weights.empty()) return path_in(artifact, "weights");
  return (fs::path(artifact.folder) / artifact.weights).lexically_normal().string();
}

Result<const ArtifactPlan*> find_plan(const Artifact& artifact, std::string_view component,
                                      int64_t height, int64_t width, int64_t batch_size,
                                      const PlanOptions& options) {
  std::vector<std::string> others;
  for (const ArtifactPlan& plan : artifact.plans) {
    if (plan.component != component) continue;
    const bool is_size = (height == 0 || plan.height == 0 || plan.height == height) &&
                         (width == 0 || plan.width == 0 || plan.width == width);
    const bool is_batch = batch_size == 0 || plan.batch_size == batch_size;
    if (is_size && is_batch && has_options(plan, options)) return &plan;
    others.push_back(plan_text(plan.height, plan.width, plan.batch_size, plan.options, options));
  }
  if (others.empty())
    return error(ErrorCode::not_found, "{}: the artifact has no component {}", artifact.folder,
                 quote(component));
  return error(ErrorCode::not_found, "{}: {} is compiled for {}, not for {}; compile it for this",
               artifact.folder, component, fmt::join(others, ", "),
               plan_text(height, width, batch_size, options, options));
}

Result<Plan> read_plan(const Artifact& artifact, const ArtifactPlan& plan) {
  const std::string path = path_in(artifact, plan.file);
  ASSIGN_OR_RETURN(const Json json, read_json_file(path));
  return plan_from_json(json, path);
}

}  // namespace tempera::runtime
