#include "backend/cpu/codegen/link.h"

#include <lld/Common/Driver.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "backend/cpu/codegen/host.h"
#include "base/file.h"

LLD_HAS_DRIVER(elf)

namespace tempera::cpu {
namespace {

// A folder of this process alone, removed with all it holds.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create() {
    std::error_code failure;
    std::string path = std::filesystem::temp_directory_path(failure) / "tempera-link-XXXXXX";
    if (failure || !mkdtemp(path.data()))
      return error(ErrorCode::unavailable, "cannot make a temporary folder {}: {}; set TMPDIR",
                   path, std::strerror(errno));
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Without the syncing that a file to keep needs.
Status write_temporary(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return {};
  return error(ErrorCode::resource_exhausted,
               "cannot write {}: {}; set TMPDIR to a folder with room", path, std::strerror(errno));
}

// lld keeps its state in globals.
Status run_lld(const std::vector<std::string>& arguments) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  std::string text;
  llvm::raw_string_ostream stream(text);
  const lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  CHECK(result.canRunAgain && result.retCode == 0, "linking kernels: {}", text);
  return {};
}

}  // namespace

Result<std::string> link_shared(std::span<const std::string> objects, const Target& target) {
  ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::create());
  const std::string output = folder.file("kernels.so");
  const bool x86 = llvm::Triple(target.triple).isX86();
  std::vector<std::string> arguments = {"ld.lld",
                                        "-shared",
                                        "-m",
                                        x86 ? "elf_x86_64" : "aarch64linux",
                                        "-o",
                                        output,
                                        "-soname",
                                        "kernels.so",
                                        "-z",
                                        "defs",
                                        "-z",
                                        "noexecstack",
                                        "--threads=1",
                                        "--build-id=none",
                                        "--hash-style=gnu"};
  for (size_t i = 0; i < objects.size(); ++i) {
    arguments.push_back(folder.file(fmt::format("{}.o", i)));
    TRY(write_temporary(arguments.back(), objects[i]));
  }
  TRY(run_lld(arguments));
  return read_file(output);
}

Result<CodeObject> make_code_object(std::span<const std::string> objects, const Target& target) {
  ASSIGN_OR_RETURN(std::string library, link_shared(objects, target));
  ASSIGN_OR_RETURN(std::vector<std::string> features, required_features(target));
  return CodeObject{target.triple, target.cpu, std::move(features), std::move(library)};
}

}  // namespace tempera::cpu
