#include <filesystem>
#include <map>
#include <system_error>

#include "base/atomic_folder.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "runtime/artifact_files.h"
#include "runtime/plan_json.h"

namespace tempera::runtime {
namespace {

namespace fs = std::filesystem;

// Whether the folder may be written over.
Status check_place(const std::string& folder) {
  std::error_code failure;
  if (!fs::exists(folder, failure)) return {};
  if (!fs::is_directory(folder, failure))
    return error(ErrorCode::invalid_argument, "cannot write an artifact to {}: it is a file",
                 folder);
  if (fs::is_empty(folder, failure) || fs::exists(folder + "/" + std::string(kArtifactFile)))
    return {};
  return error(ErrorCode::invalid_argument,
               "cannot write an artifact to {}: the folder holds something else; name another",
               folder);
}

// `index` tells plans of one component and size apart, which differ in their options.
std::string plan_file(const ArtifactPlan& plan, size_t index) {
  const std::string suffix = index == 0 ? "" : fmt::format(".{}", index);
  return fmt::format("{}.{}x{}.b{}{}.json", plan.component, plan.height, plan.width,
                     plan.batch_size, suffix);
}

void name_plan_files(std::vector<ArtifactPlan>& plans, const std::string& folder) {
  std::map<std::string, size_t> counts;
  for (ArtifactPlan& plan : plans)
    plan.file = folder + plan_file(plan, counts[plan_file(plan, 0)]++);
}

// Text that is not UTF-8 in a name must not stop the writing.
std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// Writes one file after another and notes them for artifact.json.
class FolderWriter {
 public:
  explicit FolderWriter(std::string folder) : folder_(std::move(folder)) {}
  const Json& files() const { return files_; }

  Status add(const std::string& path, std::string_view bytes) {
    ASSIGN_OR_RETURN(const std::string full, make_place(path));
    TRY(write_file(full, bytes));
    files_.push_back({{"path", path}, {"bytes", bytes.size()}, {"hash", hash128_hex(bytes)}});
    return {};
  }

  Status add(const ArtifactFile& file) {
    if (file.write) return add_written(file);
    if (file.source.empty()) return add(file.path, file.bytes);
    ASSIGN_OR_RETURN(const auto source, MappedFile::open(file.source));
    return add(file.path, text_of(source->bytes()));
  }

 private:
  Result<std::string> make_place(const std::string& path) {
    CHECK(is_inner_path(path), "{} in an artifact", path);
    const fs::path full = fs::path(folder_) / path;
    std::error_code failure;
    fs::create_directories(full.parent_path(), failure);
    if (failure) return folder_error("create", full.parent_path().string(), failure);
    return full.string();
  }

  // Too large to be hashed.
  Status add_written(const ArtifactFile& file) {
    ASSIGN_OR_RETURN(const std::string full, make_place(file.path));
    TRY(file.write(full));
    std::error_code failure;
    const auto bytes = fs::file_size(full, failure);
    if (failure) return folder_error("read", full, failure);
    files_.push_back({{"path", file.path}, {"bytes", bytes}});
    return {};
  }

  std::string folder_;
  Json files_ = Json::array();
};

Status write_code(FolderWriter& writer, const std::vector<ArtifactPlan>& entries,
                  const std::vector<Plan>& plans, const std::string& code_file,
                  std::string_view code) {
  CHECK(plans.size() == entries.size(), "{} plans for {} entries", plans.size(), entries.size());
  for (size_t i = 0; i < plans.size(); ++i)
    TRY(writer.add(entries[i].file, dump(to_json(plans[i]))));
  return writer.add(code_file, code);
}

Status write_contents(const std::string& folder, Artifact artifact, const std::vector<Plan>& plans,
                      std::string_view code, const std::vector<ArtifactFile>& files,
                      const std::vector<CodeContents>& others) {
  FolderWriter writer(folder);
  name_plan_files(artifact.plans, "");
  TRY(write_code(writer, artifact.plans, plans, artifact.code_file, code));
  for (size_t i = 0; i < others.size(); ++i) {
    ArtifactCode& other = artifact.others[i];
    const std::string inner = other.target.cpu + "/";
    name_plan_files(other.plans, inner);
    other.code_file = inner + artifact.code_file;
    TRY(write_code(writer, other.plans, others[i].plans, other.code_file, others[i].code));
  }
  for (const ArtifactFile& file : files) TRY(writer.add(file));
  Json json = to_json(artifact);
  json["files"] = writer.files();
  return write_file(folder + "/" + std::string(kArtifactFile), dump(json, 2) + "\n");
}

}  // namespace

bool is_inner_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.front() == '/') return false;
  for (const unsigned char c : path)
    if (c < 0x20 || c == 0x7f || c == '\\') return false;
  for (const fs::path& part : fs::path(path))
    if (part == ".." || part == "." || part.empty()) return false;
  return true;
}

Status write_artifact(const std::string& folder, const Artifact& artifact,
                      const std::vector<Plan>& plans, std::string_view code,
                      const std::vector<ArtifactFile>& files,
                      const std::vector<CodeContents>& others) {
  CHECK(others.size() == artifact.others.size(), "{} contents for {} more processors",
        others.size(), artifact.others.size());
  TRY(check_place(folder));
  ASSIGN_OR_RETURN(AtomicFolder written, AtomicFolder::create(folder));
  TRY(write_contents(written.path(), artifact, plans, code, files, others));
  return written.commit();
}

}  // namespace tempera::runtime
