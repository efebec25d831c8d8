#include "api/run/lora_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/suggest.h"
#include "base/text.h"
#include "diffusion/prompt/extra_networks.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::optional<double> parse_strength(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Cuts ":0.8" off the end.
std::optional<double> take_strength(std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const std::optional<double> strength = parse_strength(std::string_view(text).substr(colon + 1));
  if (strength) text.resize(colon);
  return strength;
}

Result<std::vector<fs::path>> lora_files(const std::string& folder) {
  constexpr std::array<std::string_view, 4> kExtensions = {".safetensors", ".pt", ".ckpt", ".bin"};
  std::vector<fs::path> files;
  std::error_code failure;
  for (auto entry = fs::recursive_directory_iterator(folder, failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    const std::string extension = entry->path().extension().string();
    if (std::ranges::find(kExtensions, extension) != kExtensions.end())
      files.push_back(entry->path());
  }
  if (failure)
    return error(ErrorCode::not_found, "{}: cannot read the folder of LoRA files: {}", folder,
                 failure.message());
  std::ranges::sort(files);
  return files;
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Result<std::string> find_in_folder(const std::string& name, const std::string& folder) {
  if (folder.empty())
    return error(ErrorCode::invalid_argument,
                 "the LoRA {} is named, but no folder of LoRA files; pass --lora-dir DIR",
                 quote(name));
  ASSIGN_OR_RETURN(const std::vector<fs::path> files, lora_files(folder));
  const auto stem = [](const fs::path& file) { return file.stem().string(); };
  auto found = std::ranges::find(files, name, stem);
  if (found == files.end())
    found = std::ranges::find(files, lower_case(name),
                              [&](const fs::path& file) { return lower_case(stem(file)); });
  if (found != files.end()) return found->string();
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(stem(file));
  return error(ErrorCode::not_found, "{}: no LoRA file {} in it{}", folder, quote(name),
               suggestion(name, names));
}

}  // namespace

Result<LoraSetting> parse_lora_setting(const std::string& text, const std::string& folder) {
  LoraSetting lora{.path = text};
  if (is_file(text)) return lora;
  const std::optional<double> last = take_strength(lora.path);
  const std::optional<double> first = last ? take_strength(lora.path) : std::nullopt;
  lora.text_encoder = first.value_or(last.value_or(1));
  lora.unet = last.value_or(1);
  if (is_file(lora.path)) return lora;
  if (const size_t colon = text.rfind(':');
      !last && colon != std::string::npos && is_file(text.substr(0, colon)))
    return error(ErrorCode::invalid_argument,
                 "{} is no strength of a LoRA; pass --lora FILE:0.8, or FILE:0.5:0.8 for the text "
                 "encoder's and the UNet's",
                 quote(text.substr(colon + 1)));
  if (folder.empty() || lora.path.find('/') != std::string::npos)
    return error(ErrorCode::not_found, "{}: no such LoRA file", lora.path);
  ASSIGN_OR_RETURN(lora.path, find_in_folder(lora.path, folder));
  return lora;
}

Result<std::vector<LoraSetting>> loras_in_prompt(std::string_view prompt,
                                                 const std::string& folder) {
  ASSIGN_OR_RETURN(const diffusion::ExtraNetworks networks, diffusion::take_extra_networks(prompt));
  std::vector<LoraSetting> loras;
  for (const diffusion::LoraTag& tag : networks.loras) {
    LoraSetting lora{.text_encoder = tag.text_encoder, .unet = tag.unet};
    ASSIGN_OR_RETURN(lora.path, find_in_folder(tag.name, folder));
    loras.push_back(std::move(lora));
  }
  return loras;
}

}  // namespace tempera::api
