#include "api/compile/convert.h"

#include <filesystem>

#include "api/compile/compile.h"
#include "api/run/version.h"
#include "base/atomic_folder.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "diffusion/prompt/tokenizer.h"
#include "diffusion/samplers/stock_scheduler.h"
#include "tensor_file/convert.h"
#include "tensor_file/stream_safetensors.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

using frontend::Checkpoint;
using frontend::Part;
using frontend::PartSource;

constexpr const char* kIndex = "model_index.json";
// Tells our conversions from other folders; diffusers skips keys with an underscore.
constexpr const char* kMark = "_tempera_version";

Status write_text(const std::string& folder, const std::string& path, std::string_view text) {
  const fs::path file = fs::path(folder) / path;
  std::error_code failure;
  fs::create_directories(file.parent_path(), failure);
  if (failure) return folder_error("create", file.parent_path().string(), failure);
  return write_file(file.string(), text);
}

Status check_place(const std::string& folder) {
  std::error_code failure;
  if (!fs::exists(folder, failure) || fs::is_empty(folder, failure)) return {};
  const Result<Json> index = read_json_file((fs::path(folder) / kIndex).string());
  if (index.ok() && index->contains(kMark)) return {};
  return error(ErrorCode::invalid_argument,
               "cannot write a model to {}: something else is there; name another folder", folder);
}

Result<Json> config_of(const PartSource& source) {
  if (!source.config.is_null()) return source.config;
  return read_json_file(source.config_file);
}

// Layers of a text encoder behind those that the model uses: SD 2.x stops before OpenCLIP's last.
bool is_unused_layer(std::string_view name, int64_t layers) {
  constexpr std::string_view kList = "encoder.layers.";
  if (!name.starts_with(kList)) return false;
  return std::atoll(std::string(name.substr(kList.size())).c_str()) >= layers;
}

Result<Tensor> converted(const StoredTensor& tensor, DType dtype) {
  ASSIGN_OR_RETURN(Tensor values, load(tensor));
  if (tensor.file) tensor.file->release_pages(tensor.bytes);
  if (values.dtype == dtype) return values;
  Tensor result(dtype, values.shape);
  convert(values.dtype, values.data, dtype, result.data);
  return result;
}

// The part's floats under transformers' and diffusers' names.
Result<std::vector<LazyTensor>> tensors_of(const Checkpoint& checkpoint, Part part,
                                           std::optional<DType> dtype) {
  ASSIGN_OR_RETURN(const auto weights, frontend::open_weights(checkpoint, part));
  const bool is_text = part == Part::text_encoder;
  int64_t layers = 0;
  if (is_text) {
    ASSIGN_OR_RETURN(const auto config, frontend::read_text_encoder_config(checkpoint));
    layers = config.num_hidden_layers;
  }
  std::vector<LazyTensor> tensors;
  for (const auto& [name, tensor] : weights->tensors()) {
    if (!is_float(tensor.dtype) || (is_text && is_unused_layer(name, layers))) continue;
    const DType wanted = dtype.value_or(tensor.dtype);
    tensors.push_back({.name = (is_text ? "text_model." : "") + name,
                       .dtype = wanted,
                       .shape = tensor.shape,
                       .values = [tensor = tensor, wanted] { return converted(tensor, wanted); }});
  }
  return tensors;
}

Result<ConvertedPart> write_part(const Checkpoint& checkpoint, const PartSource& source,
                                 const std::string& folder, std::optional<DType> dtype) {
  ConvertedPart written{.name = std::string(frontend::name(source.part))};
  ASSIGN_OR_RETURN(const Json config, config_of(source));
  TRY(write_text(folder, written.name + "/config.json", config.dump(2) + "\n"));
  ASSIGN_OR_RETURN(std::vector<LazyTensor> tensors, tensors_of(checkpoint, source.part, dtype));
  for (const LazyTensor& tensor : tensors) {
    ++written.tensors;
    written.bytes += element_count(tensor.shape) * size_in_bytes(tensor.dtype);
  }
  const char* stem = source.part == Part::text_encoder ? "model" : "diffusion_pytorch_model";
  TRY(stream_safetensors(fmt::format("{}/{}/{}.safetensors", folder, written.name, stem),
                         std::move(tensors), {{"format", "pt"}}));
  return written;
}

// The class that a scheduler's config names; the text may hold -Infinity, which is no JSON.
std::string class_of(std::string_view config) {
  constexpr std::string_view kKey = "\"_class_name\"";
  const size_t key = config.find(kKey);
  if (key == std::string_view::npos) return "PNDMScheduler";
  const size_t begin = config.find('"', key + kKey.size());
  if (begin == std::string_view::npos) return "PNDMScheduler";
  return std::string(config.substr(begin + 1, config.find('"', begin + 1) - begin - 1));
}

Json index_of(const Checkpoint& checkpoint, bool inpaints, const std::string& scheduler) {
  const auto part = [&](Part which, const char* library, const char* class_name) {
    return checkpoint.find(which) ? Json{library, class_name} : Json{nullptr, nullptr};
  };
  const Json absent = {nullptr, nullptr};
  return {{"_class_name", inpaints ? "StableDiffusionInpaintPipeline" : "StableDiffusionPipeline"},
          {"_diffusers_version", "0.30.0"},
          {kMark, kVersion},
          {"feature_extractor", absent},
          {"requires_safety_checker", false},
          {"safety_checker", absent},
          {"scheduler", scheduler.empty() ? absent : Json{"diffusers", class_of(scheduler)}},
          {"text_encoder", part(Part::text_encoder, "transformers", "CLIPTextModel")},
          {"tokenizer",
           checkpoint.tokenizer_folder.empty() ? absent : Json{"transformers", "CLIPTokenizer"}},
          {"unet", part(Part::unet, "diffusers", "UNet2DConditionModel")},
          {"vae", part(Part::vae, "diffusers", "AutoencoderKL")}};
}

Status write_rest(const Checkpoint& checkpoint, bool inpaints, const std::string& folder) {
  std::string scheduler;
  if (!checkpoint.scheduler_config.empty()) {
    ASSIGN_OR_RETURN(scheduler, diffusion::read_scheduler_text(checkpoint.scheduler_config));
    TRY(write_text(folder, "scheduler/scheduler_config.json", scheduler));
  }
  if (!checkpoint.tokenizer_folder.empty()) {
    ASSIGN_OR_RETURN(const auto tokenizer,
                     diffusion::read_tokenizer_files(checkpoint.tokenizer_folder));
    for (const auto& [name, text] : tokenizer) TRY(write_text(folder, "tokenizer/" + name, text));
  }
  if (!checkpoint.tempera_config.empty()) {
    ASSIGN_OR_RETURN(const std::string text, read_file(checkpoint.tempera_config));
    TRY(write_text(folder, "tempera.json", text));
  }
  return write_text(folder, kIndex, index_of(checkpoint, inpaints, scheduler).dump(2) + "\n");
}

}  // namespace

Result<Converted> convert_checkpoint(const std::string& model, const std::string& folder,
                                     std::optional<DType> dtype, const ModelFiles& files) {
  TRY(check_place(folder));
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_checkpoint(model, files));
  Converted result;
  ASSIGN_OR_RETURN(result.family, frontend::recognise_family(checkpoint));
  ASSIGN_OR_RETURN(AtomicFolder written, AtomicFolder::create(folder));
  for (const PartSource& source : checkpoint.parts) {
    ASSIGN_OR_RETURN(ConvertedPart part, write_part(checkpoint, source, written.path(), dtype));
    result.parts.push_back(std::move(part));
  }
  TRY(write_rest(checkpoint, result.family.ends_with("-inpaint"), written.path()));
  TRY(written.commit());
  return result;
}

}  // namespace tempera::api
