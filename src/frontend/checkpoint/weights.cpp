#include "frontend/checkpoint/weights.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace tempera::frontend {
namespace {

constexpr std::string_view kTextPrefix = "text_model.";

// Of the VAE's mid-block attention: before diffusers 0.15, and now.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOldAttention = {{
    {".query.", ".to_q."},
    {".key.", ".to_k."},
    {".value.", ".to_v."},
    {".proj_attn.", ".to_out.0."},
}};

std::string canonical_vae_name(std::string_view stored) {
  std::string result(stored);
  if (stored.find(".attentions.") == std::string_view::npos) return result;
  for (const auto& [old_name, new_name] : kOldAttention)
    if (const size_t at = result.find(old_name); at != std::string::npos)
      return result.replace(at, old_name.size(), new_name);
  return result;
}

}  // namespace

std::string_view name(Part part) {
  switch (part) {
    case Part::text_encoder:
      return "text_encoder";
    case Part::unet:
      return "unet";
    case Part::vae:
      return "vae";
  }
  CHECK(false, "no such part");
}

std::string canonical_tensor_name(Part part, std::string_view stored_name) {
  if (part == Part::vae) return canonical_vae_name(stored_name);
  if (part == Part::text_encoder && stored_name.starts_with(kTextPrefix))
    stored_name.remove_prefix(kTextPrefix.size());
  return std::string(stored_name);
}

Result<std::shared_ptr<const Weights>> Weights::open(Part part, const std::string& path) {
  ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  std::shared_ptr<Weights> weights(new Weights(part, std::move(file)));
  for (const TensorInfo& tensor : weights->file_.tensors()) {
    const auto [entry, added] =
        weights->by_name_.emplace(canonical_tensor_name(part, tensor.name), &tensor);
    if (!added)
      return error(ErrorCode::data_loss,
                   "{}: tensors {} and {} are the same weight under two names", path,
                   quote(entry->second->name), quote(tensor.name));
  }
  return std::shared_ptr<const Weights>(std::move(weights));
}

std::string Weights::name_for(std::string_view canonical_name) const {
  const std::vector<TensorInfo>& tensors = file_.tensors();
  const bool prefixed = part_ == Part::text_encoder && !tensors.empty() &&
                        tensors.front().name.starts_with(kTextPrefix);
  return std::string(prefixed ? kTextPrefix : "") + std::string(canonical_name);
}

const TensorInfo* Weights::find(std::string_view canonical_name) const {
  const auto found = by_name_.find(std::string(canonical_name));
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace tempera::frontend
