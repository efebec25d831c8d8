#include "frontend/checkpoint/single_file.h"

#include <map>

#include "base/builtin.h"
#include "base/text.h"
#include "frontend/checkpoint/infer_config.h"
#include "frontend/checkpoint/prediction_hint.h"
#include "tensor_file/part_names.h"
#include "tensor_file/tensor_file.h"

namespace tempera::frontend {
namespace {

using Parts = std::map<Part, NamedTensors>;

Result<Parts> split(const TensorFile& file) {
  Parts parts;
  for (const std::string& part : parts_in(file.tensors())) {
    ASSIGN_OR_RETURN(parts[*part_from_name(part)],
                     tensors_of_part(part, file.tensors(), file.path()));
  }
  return parts;
}

// One part alone tells it, too.
Generation generation_of(const Parts& parts, const NamedTensors& stored) {
  if (has_open_clip_names(stored)) return Generation::sd2;
  if (const auto unet = parts.find(Part::unet); unet != parts.end())
    return unet_generation(unet->second);
  const auto text = parts.find(Part::text_encoder);
  return text == parts.end() ? Generation::sd1 : text_encoder_generation(text->second);
}

Json infer_config(Part part, const NamedTensors& tensors, Generation generation) {
  if (part == Part::text_encoder) return infer_text_encoder_config(tensors, generation);
  return part == Part::unet ? infer_unet_config(tensors, generation) : infer_vae_config(tensors);
}

// SD 2's models for text to image predict v unless the file says otherwise; of the others none
// does.
std::string_view scheduler_of(const TensorFile& file, bool usually_predicts_v) {
  const PredictionHint hint = prediction_hint(file);
  if (hint.has_zero_snr) return kZeroSnrScheduler;
  return hint.predicts_v.value_or(usually_predicts_v) ? kSd2Scheduler : kSd1Scheduler;
}

}  // namespace

Result<Checkpoint> open_single_file(const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  TRY(refuse_other_models(file.tensors(), path));
  ASSIGN_OR_RETURN(const Parts parts, split(file));
  if (parts.empty())
    return error(ErrorCode::not_found,
                 "{}: none of its {} tensors is of a Stable Diffusion UNet, VAE or text encoder",
                 path, file.tensors().size());
  const Generation generation = generation_of(parts, file.tensors());
  Checkpoint checkpoint{.path = path};
  for (const auto& [part, tensors] : parts)
    checkpoint.parts.push_back({.part = part,
                                .file = path,
                                .config_file = path,
                                .config = infer_config(part, tensors, generation)});
  const auto unet = parts.find(Part::unet);
  const StoredTensor* first = unet == parts.end() ? nullptr : find(unet->second, "conv_in.weight");
  const bool inpaints = first != nullptr && first->shape.size() == 4 && first->shape[1] == 9;
  const bool is_sd2 = generation == Generation::sd2;
  checkpoint.scheduler_config = scheduler_of(file, is_sd2 && !inpaints);
  checkpoint.tokenizer_folder = is_sd2 ? kClipTokenizerSd2 : kClipTokenizer;
  return checkpoint;
}

}  // namespace tempera::frontend
