#include "frontend/checkpoint/weights_file.h"

#include <array>
#include <filesystem>
#include <vector>

#include "base/text.h"

namespace tempera::frontend {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNonEma = ".non_ema";

bool is_text(Part part) { return part == Part::text_encoder; }

// The names that diffusers and transformers write, without the variant; "{}" is its place.
std::vector<std::string> forms(Part part) {
  const std::string stem = is_text(part) ? "model" : "diffusion_pytorch_model";
  const std::string pickled = is_text(part) ? "pytorch_model" : "diffusion_pytorch_model";
  return {stem + "{}.safetensors", stem + "{}.safetensors.index.json",
          stem + ".safetensors.index{}.json", pickled + "{}.bin"};
}

std::vector<std::string_view> variants(std::optional<bool> prefers_ema) {
  std::vector<std::string_view> names = {"", ".fp16", ".bf16"};
  const bool is_first = prefers_ema.has_value() && !*prefers_ema;
  names.insert(is_first ? names.begin() : names.end(), kNonEma);
  return names;
}

}  // namespace

Result<std::string> choose_weights_file(Part part, const std::string& folder,
                                        std::optional<bool> prefers_ema) {
  for (const std::string& form : forms(part))
    for (const std::string_view variant : variants(prefers_ema)) {
      const fs::path file = fs::path(folder) / fmt::format(fmt::runtime(form), variant);
      if (std::error_code ignored; fs::is_regular_file(file, ignored)) return file.string();
    }
  return error(ErrorCode::not_found,
               "{}: no {}.safetensors, nor its .fp16, .bf16, sharded or pickled (.bin) form; is "
               "the download complete?",
               folder, is_text(part) ? "model" : "diffusion_pytorch_model");
}

}  // namespace tempera::frontend
