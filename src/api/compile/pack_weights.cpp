#include "api/compile/pack_weights.h"

#include <map>
#include <memory>

#include "api/run/devices.h"
#include "runtime/packed_weights.h"
#include "tensor_file/taesd_names.h"

namespace tempera::api {
namespace {

// What the code runs on.
struct Loaded {
  std::unique_ptr<runtime::Device> device;
  std::unique_ptr<runtime::Module> module;  // goes before its device
};

Result<std::shared_ptr<const Loaded>> load_code(const std::string& code,
                                                const runtime::ArtifactTarget& target,
                                                int threads) {
  TRY(check_runs_here(target));
  ASSIGN_OR_RETURN(const DeviceRow* row, find_device(target.backend));
  Loaded loaded;
  ASSIGN_OR_RETURN(loaded.device, row->create(threads));
  ASSIGN_OR_RETURN(loaded.module,
                   loaded.device->load_module({"", std::as_bytes(std::span<const char>(code))}));
  return std::make_shared<const Loaded>(std::move(loaded));
}

Status write_part(const std::string& path, const std::string& part,
                  const std::vector<const runtime::Plan*>& plans, const Loaded& loaded,
                  const frontend::Checkpoint& checkpoint, const CompileProgressFunction& progress) {
  ASSIGN_OR_RETURN(const auto opened,
                   frontend::open_weights(checkpoint, *frontend::part_from_name(part)));
  runtime::WeightStore weights;
  weights.add(opened->tensors());
  if (part == "vae" && !checkpoint.taesd_file.empty()) {
    ASSIGN_OR_RETURN(const NamedTensors taesd, open_taesd(checkpoint.taesd_file));
    weights.add(taesd);
  }
  const auto keep_going = [&] {
    return !progress || progress({.component = part, .done = 0, .total = 0});
  };
  return runtime::write_packed_weights(path, *loaded.device, *loaded.module, plans, weights,
                                       keep_going);
}

}  // namespace

Result<std::vector<runtime::ArtifactFile>> packed_files(const frontend::Checkpoint& checkpoint,
                                                        const std::vector<runtime::Plan>& plans,
                                                        const std::string& code,
                                                        const CompileOptions& options,
                                                        runtime::Artifact& artifact) {
  ASSIGN_OR_RETURN(const auto loaded, load_code(code, artifact.target, options.threads));
  std::map<std::string, std::vector<const runtime::Plan*>> parts;
  for (const runtime::Plan& plan : plans) parts[part_of(plan.component)].push_back(&plan);
  std::vector<runtime::ArtifactFile> files;
  for (const auto& [part, of_part] : parts) {
    artifact.packed[part] = "packed/" + part + ".safetensors";
    files.push_back({.path = artifact.packed[part],
                     .write = [&checkpoint, loaded, part, of_part,
                               progress = options.progress](const std::string& path) {
                       return write_part(path, part, of_part, *loaded, checkpoint, progress);
                     }});
  }
  return files;
}

}  // namespace tempera::api
