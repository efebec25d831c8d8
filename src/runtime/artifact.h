#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "runtime/plan.h"

namespace tempera::runtime {

// An artifact: a folder with all that running a model needs, but for its weights, which it names or
// holds. The layout is described in docs/artifact_format.md. A folder is complete or does not exist
// under its name; one that was torn afterwards (a copy that stopped) is refused on opening.

inline constexpr int64_t kArtifactFormat = 1;
inline constexpr std::string_view kArtifactFile = "artifact.json";

// What the code runs on.
struct ArtifactTarget {
  std::string backend = "cpu";  // the device's name
  std::string triple;           // "x86_64-unknown-linux-gnu"; empty for text
  std::string cpu;              // the code generator's name
  std::vector<std::string>
      features;  // that the code uses and a host must have, see cpu::host_features
  bool operator==(const ArtifactTarget&) const = default;
};

// One plan of an artifact.
using PlanOptions = std::vector<std::pair<std::string, std::string>>;

struct ArtifactPlan {
  std::string component;          // "unet"
  int64_t height = 0, width = 0;  // the picture's, in pixels; 0 where it has none
  int64_t batch_size = 1;
  PlanOptions options;  // what else it was compiled for: {"precision", "f32"}, {"weights", "int8"}
  std::string file;     // inside the folder; write_artifact sets it
  bool operator==(const ArtifactPlan&) const = default;
};

// Plans and code for one kind of processor.
struct ArtifactCode {
  ArtifactTarget target;
  std::vector<ArtifactPlan> plans;
  std::string code_file;  // inside the folder: "x86-64-v3/kernels.so"
};

struct Artifact {
  std::string folder;           // where it was opened
  std::string tempera_version;  // that wrote it
  std::string model;            // a name for people
  ArtifactTarget target;        // of the plans and code in use: the first, or see use_code()
  std::vector<ArtifactPlan> plans;
  std::string code_file;             // inside the folder: "kernels.so", "kernels.txt"
  std::vector<ArtifactCode> others;  // for other processors, in the order asked for
  std::string weights;  // the model's folder, absolute or relative to the artifact's; empty:
                        // weights/ inside it
  // For each part whose weights it holds packed for all its plans: a file inside the folder, see
  // packed_weights.h.
  std::map<std::string, std::string> packed;
};

// A file to be put into an artifact, from memory, or copied from `source` when that is not empty,
// or made by `write` at the place that it is given.
struct ArtifactFile {
  std::string path;  // inside the folder: "tokenizer/vocab.json"
  std::string bytes;
  std::string source;
  std::function<Status(const std::string&)> write = {};
};

// What one ArtifactCode names: plans in the order of its entries, and code.
struct CodeContents {
  std::vector<Plan> plans;
  std::string code;
};

// Writes the folder beside its place and renames it there; a folder that holds an artifact is
// replaced, any other that is not empty is refused. `plans` are in the order of artifact.plans,
// `others` in that of artifact.others, whose processors' names differ: each has a folder of that
// name. artifact.folder, the plans' `file` and the others' `code_file` are not read.
Status write_artifact(const std::string& folder, const Artifact& artifact,
                      const std::vector<Plan>& plans, std::string_view code,
                      const std::vector<ArtifactFile>& files,
                      const std::vector<CodeContents>& others = {});

// Reads artifact.json and checks that every file is there, whole (its size and, but for weights
// packed or not, its hash). not_found: no such folder or no artifact.json; data_loss: torn or
// hostile; unsupported: a newer format.
Result<Artifact> open_artifact(const std::string& folder);

// Puts the plans and code of artifact.others[index] in use; those that were become others.
void use_code(Artifact& artifact, size_t index);

// A path inside the artifact's folder.
std::string path_in(const Artifact& artifact, std::string_view file);
// Where the weights lie: a model's folder in diffusers layout.
std::string weights_folder(const Artifact& artifact);
// The plan of this component and size whose options have these values (an empty one: none), or an
// error that names the plans that there are. Height and width 0: any.
Result<const ArtifactPlan*> find_plan(const Artifact& artifact, std::string_view component,
                                      int64_t height, int64_t width, int64_t batch_size,
                                      const PlanOptions& options = {});
Result<Plan> read_plan(const Artifact& artifact, const ArtifactPlan& plan);

}  // namespace tempera::runtime
