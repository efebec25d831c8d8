#include "tensor_file/part_names.h"

#include <algorithm>
#include <array>
#include <span>
#include <unordered_map>

#include "base/text.h"
#include "tensor_file/ldm_names.h"
#include "tensor_file/module_name.h"

namespace tempera {
namespace {

enum class Naming : uint8_t { diffusers, ldm, open_clip };

// Tensors of `part` begin with `prefix`; a weight that begins with `mark` behind it tells the
// naming.
struct Form {
  std::string_view part, prefix, mark;
  Naming naming;
};

constexpr std::array<Form, 22> kForms = {{
    {"text_encoder", "cond_stage_model.model.", "transformer.resblocks.", Naming::open_clip},
    {"text_encoder", "cond_stage_model.transformer.", "text_model.", Naming::diffusers},
    {"text_encoder", "cond_stage_model.transformer.", "encoder.layers.", Naming::diffusers},
    {"text_encoder", "text_encoder.", "text_model.", Naming::diffusers},
    {"text_encoder", "text_encoder.", "encoder.layers.", Naming::diffusers},
    {"text_encoder", "", "transformer.resblocks.", Naming::open_clip},
    {"text_encoder", "", "text_model.encoder.", Naming::diffusers},
    {"text_encoder", "", "encoder.layers.", Naming::diffusers},
    {"unet", "model.diffusion_model.", "input_blocks.", Naming::ldm},
    {"unet", "diffusion_model.", "input_blocks.", Naming::ldm},
    {"unet", "", "input_blocks.", Naming::ldm},
    {"unet", "unet.", "down_blocks.", Naming::diffusers},
    {"unet", "", "down_blocks.", Naming::diffusers},
    {"vae", "first_stage_model.", "decoder.up.", Naming::ldm},
    {"vae", "first_stage_model.", "encoder.down.", Naming::ldm},
    {"vae", "", "decoder.up.", Naming::ldm},
    {"vae", "", "encoder.down.", Naming::ldm},
    {"vae", "vae.", "decoder.up_blocks.", Naming::diffusers},
    {"vae", "vae.", "decoder.up.", Naming::ldm},
    {"vae", "first_stage_model.", "decoder.up_blocks.", Naming::diffusers},
    {"vae", "", "decoder.up_blocks.", Naming::diffusers},
    {"vae", "", "encoder.down_blocks.", Naming::diffusers},
}};

// `part_of_name` stands anywhere in a tensor's name, or with a "^" before it at its beginning.
struct Refusal {
  std::string_view part_of_name, what;

  bool fits(std::string_view name) const {
    if (part_of_name.starts_with('^')) return name.starts_with(part_of_name.substr(1));
    return name.find(part_of_name) != std::string_view::npos;
  }
};

// The first row that fits any tensor counts.
constexpr std::array<Refusal, 21> kOtherModels = {{
    {"control_model.", "ControlNet"},
    {"controlnet_cond_embedding.", "ControlNet"},
    {"input_hint_block.", "ControlNet"},
    {"zero_convs.", "ControlNet"},
    {"adapter.body.", "a T2I adapter"},
    {"ip_adapter.", "an IP-Adapter"},
    {"noise_augmentor.", "unCLIP"},
    {"low_scale_model.", "the 4x upscaler"},
    {"depth_model.", "a depth-conditioned model (SD 2 depth)"},
    {"motion_modules.", "AnimateDiff"},
    {"time_stack.", "Stable Video Diffusion"},
    {"conditioner.embedders.", "SDXL"},
    {"label_emb.", "SDXL"},
    {"add_embedding.", "SDXL"},
    {"joint_blocks.", "Stable Diffusion 3"},
    {"attn.add_q_proj.", "Stable Diffusion 3 or FLUX"},
    {"double_blocks.", "FLUX"},
    {"single_transformer_blocks.", "FLUX"},
    {"cond_seq_linear.", "AuraFlow"},
    {"caption_projection.", "PixArt"},
    {"clip_txt_mapper.", "Stable Cascade"},
}};

// Files that belong elsewhere on the command line.
constexpr std::array<Refusal, 10> kOtherFiles = {{
    {"lora_unet_", "a LoRA: pass it with --lora, and a model with -m"},
    {"lora_te_", "a LoRA: pass it with --lora, and a model with -m"},
    {".lora_A.", "a LoRA: pass it with --lora, and a model with -m"},
    {".lora_down.", "a LoRA: pass it with --lora, and a model with -m"},
    {".lora.down.", "a LoRA: pass it with --lora, and a model with -m"},
    {".hada_w1_a", "a LoHa: pass it with --lora, and a model with -m"},
    {".lokr_w1", "a LoKr: pass it with --lora, and a model with -m"},
    {"^emb_params", "an embedding: put it into the folder of --embedding-dir"},
    {"^string_to_param", "an embedding: put it into the folder of --embedding-dir"},
    {"^decoder.layers.", "a TAESD: pass it with --taesd, and a model with -m"},
}};

bool fits(const Form& form, std::string_view name) {
  return name.ends_with("weight") && name.starts_with(form.prefix) &&
         name.substr(form.prefix.size()).starts_with(form.mark);
}

const Form* form_of(std::string_view part, const NamedTensors& stored) {
  for (const Form& form : kForms)
    if (form.part == part &&
        std::ranges::any_of(stored, [&](const auto& t) { return fits(form, t.first); }))
      return &form;
  return nullptr;
}

NamedTensors without_prefix(const NamedTensors& stored, std::string_view prefix) {
  NamedTensors result;
  for (const auto& [name, tensor] : stored)
    if (name.starts_with(prefix)) result.emplace_back(name.substr(prefix.size()), tensor);
  return result;
}

// LDM's trainer keeps the average of "model.diffusion_model.out.0.bias" as
// "model_ema.diffusion_modelout0bias".
constexpr std::string_view kEmaPrefix = "model_ema.diffusion_model";

NamedTensors with_ema(NamedTensors unet, const NamedTensors& stored) {
  std::unordered_map<std::string_view, const StoredTensor*> averages;
  for (const auto& [name, tensor] : stored)
    if (name.starts_with(kEmaPrefix))
      averages.emplace(std::string_view(name).substr(kEmaPrefix.size()), &tensor);
  for (auto& [name, tensor] : unet) {
    std::string joined = name;
    std::erase(joined, '.');
    if (const auto found = averages.find(joined); found != averages.end()) tensor = *found->second;
  }
  return unet;
}

const Refusal* find_refusal(const NamedTensors& stored, std::span<const Refusal> table,
                            std::string_view& tensor) {
  for (const Refusal& row : table)
    for (const auto& [name, info] : stored)
      if (row.fits(name)) {
        tensor = name;
        return &row;
      }
  return nullptr;
}

}  // namespace

std::vector<std::string> parts_in(const NamedTensors& stored) {
  std::vector<std::string> parts;
  for (const char* part : {"text_encoder", "unet", "vae"})
    if (form_of(part, stored) != nullptr) parts.emplace_back(part);
  return parts;
}

bool has_open_clip_names(const NamedTensors& stored) {
  const Form* form = form_of("text_encoder", stored);
  return form != nullptr && form->naming == Naming::open_clip;
}

bool has_ema(const NamedTensors& stored) {
  return std::ranges::any_of(stored, [](const auto& t) { return t.first.starts_with(kEmaPrefix); });
}

Result<NamedTensors> tensors_of_part(std::string_view part, const NamedTensors& stored,
                                     std::string_view file, const PartOptions& options) {
  const Form* form = form_of(part, stored);
  if (form == nullptr) return by_module_name(part, stored, file);
  NamedTensors own = without_prefix(stored, form->prefix);
  if (form->naming == Naming::diffusers) return by_module_name(part, own, file);
  if (form->naming == Naming::open_clip) return text_encoder_from_open_clip(own);
  if (part == "vae") return vae_from_ldm(own);
  Result<NamedTensors> unet =
      unet_from_ldm(options.prefers_ema ? with_ema(std::move(own), stored) : std::move(own));
  if (unet.ok()) return unet;
  return error(unet.error().code, "{}: {}", file, unet.error().message);
}

Status refuse_other_models(const NamedTensors& stored, std::string_view file) {
  std::string_view tensor;
  if (const Refusal* row = find_refusal(stored, kOtherFiles, tensor))
    return error(ErrorCode::invalid_argument, "{}: tensor {} belongs to {}", file, quote(tensor),
                 row->what);
  if (const Refusal* row = find_refusal(stored, kOtherModels, tensor))
    return error(ErrorCode::unsupported,
                 "{}: tensor {} belongs to {}, which is not supported yet; SD 1.x and 2.x are",
                 file, quote(tensor), row->what);
  return {};
}

}  // namespace tempera
