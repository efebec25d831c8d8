#include "tensor_file/taesd_names.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "tensor_file/tensor_file.h"

namespace tempera {
namespace {

constexpr std::string_view kOwn = "taesd.layers.", kDiffusers = "decoder.layers.";

// "3.conv.0.weight" with the layer's number less one.
std::optional<std::string> without_clamp(std::string_view name) {
  int layer = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data(), end, layer);
  if (failure != std::errc() || stop == end || *stop != '.' || layer < 1 || layer > 100)
    return std::nullopt;
  return fmt::format("{}{}{}", kOwn, layer - 1, std::string_view(stop, end));
}

std::optional<std::string> own_name(std::string_view name) {
  if (name.starts_with(kDiffusers))
    return fmt::format("{}{}", kOwn, name.substr(kDiffusers.size()));
  constexpr std::string_view kOriginal = "decoder.";
  if (name.starts_with(kOriginal)) name.remove_prefix(kOriginal.size());
  return without_clamp(name);
}

}  // namespace

Result<NamedTensors> open_taesd(const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  NamedTensors tensors;
  for (const auto& [name, tensor] : file.tensors())
    if (std::optional<std::string> own = own_name(name)) tensors.emplace_back(*own, tensor);
  if (find(tensors, std::string(kOwn) + "0.weight") == nullptr)
    return error(ErrorCode::unsupported,
                 "{}: no decoder of TAESD in it; pass diffusers' AutoencoderTiny or "
                 "taesd_decoder.safetensors",
                 path);
  return tensors;
}

}  // namespace tempera
