#include "api/compile/adapters.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "frontend/adapters/lora.h"
#include "frontend/checkpoint/taesd_weights.h"
#include "tensor_file/tensor_file.h"

namespace tempera::api {
namespace {

using frontend::LoraUse;
using frontend::Part;

Result<LoraUse> open_lora(const LoraSetting& setting) {
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(setting.path));
  ASSIGN_OR_RETURN(frontend::Lora lora, frontend::read_lora(file.tensors(), setting.path));
  return LoraUse{std::make_shared<const frontend::Lora>(std::move(lora)), setting.unet,
                 setting.text_encoder};
}

Status check_parts(const LoraUse& use, const ModelInfo& info) {
  for (const auto& [part, modules] : use.lora->modules)
    if (info.weights.contains(std::string(frontend::name(part)))) return {};
  return error(ErrorCode::invalid_argument, "{}: changes no part that {} has", use.lora->path,
               info.name);
}

bool changes(const std::vector<LoraUse>& uses, Part part) {
  return std::ranges::any_of(uses,
                             [&](const LoraUse& u) { return u.lora->modules.contains(part); });
}

}  // namespace

Result<ModelSource> with_loras(ModelSource source, const std::vector<LoraSetting>& loras) {
  if (loras.empty()) return source;
  std::vector<LoraUse> uses;
  for (const LoraSetting& setting : loras) {
    ASSIGN_OR_RETURN(LoraUse use, open_lora(setting));
    TRY(check_parts(use, source.info));
    uses.push_back(std::move(use));
  }
  std::map<std::string, NamedTensors> merged;
  for (const Part part : {Part::text_encoder, Part::unet}) {
    const std::string name(frontend::name(part));
    if (!source.info.weights.contains(name) || !changes(uses, part)) continue;
    Result<NamedTensors> weights = source.weights(name);
    if (!weights.ok() && source.packed.contains(name))
      return error(
          weights.error().code,
          "{}; a LoRA is merged before weights are packed, which this artifact holds packed "
          "only",
          weights.error().message);
    if (!weights.ok()) return weights.error();
    ASSIGN_OR_RETURN(merged[name], frontend::merge_loras(part, std::move(*weights), uses));
    source.packed.erase(name);
  }
  source.weights = [original = std::move(source.weights),
                    merged = std::move(merged)](const std::string& part) -> Result<NamedTensors> {
    const auto found = merged.find(part);
    return found != merged.end() ? Result<NamedTensors>(found->second) : original(part);
  };
  return source;
}

Status check_taesd(const std::string& path, const ModelInfo& info) {
  if (path.empty() || info.vae_scale == 8) return {};
  return error(ErrorCode::unsupported,
               "{}: TAESD makes 8 pixels a latent, but the VAE of {} makes {}", path, info.name,
               info.vae_scale);
}

Result<ModelSource> with_taesd(ModelSource source, const std::string& path) {
  if (path.empty()) return source;
  ASSIGN_OR_RETURN(const auto taesd, frontend::open_taesd_weights(path));
  TRY(check_taesd(path, source.info));
  source.info.weights["taesd"] = path;
  source.weights = [original = std::move(source.weights),
                    taesd](const std::string& part) -> Result<NamedTensors> {
    ASSIGN_OR_RETURN(NamedTensors weights, original(part));
    if (part == frontend::name(Part::vae))
      weights.insert(weights.end(), taesd->tensors().begin(), taesd->tensors().end());
    return weights;
  };
  return source;
}

}  // namespace tempera::api
