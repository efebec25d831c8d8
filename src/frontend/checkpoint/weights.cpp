#include "frontend/checkpoint/weights.h"

#include <map>
#include <utility>

#include "tensor_file/module_name.h"
#include "tensor_file/tensor_file.h"

namespace tempera::frontend {

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

std::optional<Part> part_from_name(std::string_view text) {
  for (const Part part : {Part::text_encoder, Part::unet, Part::vae})
    if (name(part) == text) return part;
  return std::nullopt;
}

namespace {

using Names = std::unordered_map<std::string, std::string>;

// By the place of their bytes: views lie within those of what the file holds.
Names stored_names(const NamedTensors& stored, const NamedTensors& canonical) {
  std::map<const std::byte*, const std::string*> by_end;
  for (const auto& [name, tensor] : stored)
    if (!tensor.bytes.empty()) by_end.emplace(tensor.bytes.data() + tensor.bytes.size(), &name);
  Names names;
  for (const auto& [name, tensor] : canonical) {
    if (tensor.bytes.empty()) continue;
    if (const auto found = by_end.upper_bound(tensor.bytes.data()); found != by_end.end())
      names.emplace(name, *found->second);
  }
  return names;
}

}  // namespace

Result<std::shared_ptr<const Weights>> Weights::open(Part part, const std::string& path,
                                                     const PartOptions& options) {
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  ASSIGN_OR_RETURN(NamedTensors tensors,
                   tensors_of_part(name(part), file.tensors(), path, options));
  const bool is_prefixed = part == Part::text_encoder && !file.tensors().empty() &&
                           file.tensors().front().first.starts_with(kTextModelPrefix);
  const Names names = stored_names(file.tensors(), tensors);
  const auto stored_name = [is_prefixed, names](std::string_view canonical_name) {
    const auto found = names.find(std::string(canonical_name));
    if (found != names.end()) return found->second;
    return std::string(is_prefixed ? kTextModelPrefix : "") + std::string(canonical_name);
  };
  return std::make_shared<const Weights>(part, path, std::move(tensors), stored_name);
}

Weights::Weights(Part part, std::string path, NamedTensors tensors, StoredName stored_name)
    : part_(part),
      path_(std::move(path)),
      tensors_(std::move(tensors)),
      stored_name_(std::move(stored_name)) {
  for (const auto& [name, tensor] : tensors_) by_name_.emplace(name, &tensor);
}

const StoredTensor* Weights::find(std::string_view canonical_name) const {
  const auto found = by_name_.find(canonical_name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace tempera::frontend
