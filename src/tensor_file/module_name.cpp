#include "tensor_file/module_name.h"

#include <array>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace tempera {
namespace {

// Of the VAE's mid-block attention: before diffusers 0.15, and now.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOldAttention = {{
    {".query.", ".to_q."},
    {".key.", ".to_k."},
    {".value.", ".to_v."},
    {".proj_attn.", ".to_out.0."},
}};

std::string vae_name(std::string_view stored) {
  std::string result(stored);
  if (stored.find(".attentions.") == std::string_view::npos) return result;
  for (const auto& [old_name, new_name] : kOldAttention)
    if (const size_t at = result.find(old_name); at != std::string::npos)
      return result.replace(at, old_name.size(), new_name);
  return result;
}

}  // namespace

std::string module_name(std::string_view part, std::string_view stored_name) {
  if (part == "vae") return vae_name(stored_name);
  if (part == "text_encoder" && stored_name.starts_with(kTextModelPrefix))
    stored_name.remove_prefix(kTextModelPrefix.size());
  return std::string(stored_name);
}

Result<NamedTensors> by_module_name(std::string_view part, const NamedTensors& tensors,
                                    std::string_view file) {
  NamedTensors renamed;
  std::unordered_map<std::string, std::string_view> stored;
  for (const auto& [name, tensor] : tensors) {
    const auto [entry, is_new] = stored.emplace(module_name(part, name), name);
    if (!is_new)
      return error(ErrorCode::data_loss,
                   "{}: tensors {} and {} are the same weight under two names", file,
                   quote(entry->second), quote(name));
    renamed.emplace_back(entry->first, tensor);
  }
  return renamed;
}

}  // namespace tempera
