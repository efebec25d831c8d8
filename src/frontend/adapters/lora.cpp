#include "frontend/adapters/lora.h"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "frontend/adapters/lora_names.h"
#include "tensor_file/convert.h"

namespace tempera::frontend {
namespace {

constexpr std::string_view kWeight = ".weight";

// PEFT keeps DoRA's magnitudes of the outputs as a vector.
StoredTensor of_outputs(StoredTensor magnitudes) {
  magnitudes.shape = {element_count(magnitudes.shape), 1};
  return magnitudes;
}

void add_tensor(LoraModule& module, std::string_view role, const StoredTensor& tensor) {
  if (role == "diff_b") {
    module.bias.emplace("diff", tensor);
  } else if (role == "magnitude") {
    module.weight.emplace("dora_scale", of_outputs(tensor));
  } else {
    module.weight.emplace(role, tensor);
  }
}

// The changes to each weight that changes, by its canonical name.
using Changes = std::map<std::string, std::vector<WeightChange>>;

// A part's weights by name, and the names under which LoRAs know its modules.
struct Model {
  Part part;
  std::unordered_map<std::string, const StoredTensor*> weights;
  std::map<std::string, std::string, std::less<>> modules;

  Model(Part part, const NamedTensors& tensors) : part(part) {
    std::vector<std::string> paths;
    for (const auto& [name, tensor] : tensors) {
      weights.emplace(name, &tensor);
      if (name.ends_with(kWeight)) paths.push_back(name.substr(0, name.size() - kWeight.size()));
    }
    modules = lora_module_names(part, paths);
  }
};

Status add_change(const Model& model, const std::string& weight, const AdapterLayer& layer,
                  double strength, const std::string& where, Changes& changes) {
  const auto stored = model.weights.find(weight);
  if (layer.empty() || stored == model.weights.end() || stored->second->shape.empty()) return {};
  ASSIGN_OR_RETURN(WeightChange change,
                   weight_change(layer, strength, stored->second->shape, where));
  changes[weight].push_back(std::move(change));
  return {};
}

struct Misses {
  size_t count = 0;
  std::string first;
};

Status report(const Lora& lora, Part part, size_t modules, const Misses& misses) {
  if (misses.count == 0) return {};
  if (misses.count == modules)
    return error(ErrorCode::invalid_argument,
                 "{}: none of its {} modules of the {}, such as {}, is in this model; was it made "
                 "for another family of models?",
                 lora.path, modules, name(part), quote(misses.first));
  log(LogLevel::warning,
      "{}: leaves out {} of {} modules of the {} that this model lacks, first {}", lora.path,
      misses.count, modules, name(part), quote(misses.first));
  return {};
}

Status add_lora(const Model& model, const Lora& lora, double strength, Changes& changes) {
  const auto modules = lora.modules.find(model.part);
  if (modules == lora.modules.end()) return {};
  Misses misses;
  for (const auto& [key, module] : modules->second) {
    const auto path = model.modules.find(key);
    if (path == model.modules.end()) {
      if (misses.count++ == 0) misses.first = module.name;
      continue;
    }
    if (strength == 0) continue;
    const std::string where = fmt::format("{}: {}", lora.path, quote(module.name));
    TRY(add_change(model, path->second + ".weight", module.weight, strength, where, changes));
    TRY(add_change(model, path->second + ".bias", module.bias, strength, where, changes));
  }
  return report(lora, model.part, modules->second.size(), misses);
}

Result<Tensor> changed_values(const StoredTensor& base, std::span<const WeightChange> changes) {
  ASSIGN_OR_RETURN(std::vector<float> values, values_of(base));
  if (base.file != nullptr) base.file->release_pages(base.bytes);
  for (const WeightChange& change : changes) TRY(change(values));
  Tensor result(base.dtype, base.shape);
  convert(DType::f32, std::as_bytes(std::span(std::as_const(values))), base.dtype, result.data);
  return result;
}

StoredTensor changed(StoredTensor base, std::vector<WeightChange> changes) {
  StoredTensor result{.dtype = base.dtype, .shape = base.shape};
  result.compute = [base = std::move(base), changes = std::move(changes)] {
    return changed_values(base, changes);
  };
  return result;
}

// What a file of other names is, by one of its tensors; empty where that is not known.
std::string_view other_adapter(std::string_view tensor) {
  if (tensor.find(".oft_") != std::string_view::npos) return "OFT";
  if (tensor.ends_with(".on_input")) return "(IA)^3";
  if (tensor.find(".hra_") != std::string_view::npos) return "HRA";
  return tensor.ends_with(".a1.weight") ? "GLoRA" : "";
}

Status refuse_other_adapters(const NamedTensors& tensors, const std::string& path) {
  for (const auto& [tensor_name, tensor] : tensors)
    if (const std::string_view kind = other_adapter(tensor_name); !kind.empty())
      return error(ErrorCode::unsupported,
                   "{}: tensor {} belongs to an adapter of the kind {}, which is not supported "
                   "yet; LoRA, LoCon, LoHa, LoKr and DoRA are",
                   path, quote(tensor_name), kind);
  return {};
}

}  // namespace

Result<Lora> read_lora(const NamedTensors& tensors, const std::string& path) {
  TRY(refuse_other_adapters(tensors, path));
  Lora lora{.path = path};
  for (const auto& [tensor_name, tensor] : tensors) {
    const std::optional<LoraName> parsed = parse_lora_name(tensor_name);
    if (!parsed) {
      if (lora.unknown++ == 0) lora.first_unknown = tensor_name;
      continue;
    }
    LoraModule& module = lora.modules[parsed->part][parsed->module];
    if (module.name.empty()) module.name = tensor_name;
    add_tensor(module, parsed->role, tensor);
  }
  if (lora.modules.empty())
    return error(ErrorCode::unsupported,
                 "{}: none of its {} tensors, such as {}, has a name that LoRA, LoCon, LoHa or "
                 "LoKr files of Stable Diffusion 1 and 2 use",
                 path, tensors.size(), quote(lora.first_unknown));
  if (lora.unknown > 0)
    log(LogLevel::warning, "{}: leaves out {} of {} tensors of unknown names, first {}", path,
        lora.unknown, tensors.size(), quote(lora.first_unknown));
  return lora;
}

Result<NamedTensors> merge_loras(Part part, NamedTensors weights, std::span<const LoraUse> loras) {
  Changes changes;
  {
    const Model model(part, weights);
    for (const LoraUse& use : loras)
      TRY(add_lora(model, *use.lora, part == Part::unet ? use.unet : use.text_encoder, changes));
  }
  for (auto& [name, tensor] : weights)
    if (const auto found = changes.find(name); found != changes.end())
      tensor = changed(std::move(tensor), std::move(found->second));
  return weights;
}

}  // namespace tempera::frontend
