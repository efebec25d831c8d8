#include "frontend/checkpoint/prediction_hint.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/file.h"

namespace tempera::frontend {
namespace {

constexpr size_t kLargestYaml = 1 << 20;

std::optional<bool> by_name(std::string_view prediction) {
  if (prediction == "v" || prediction == "v_prediction") return true;
  if (prediction == "epsilon" || prediction == "eps") return false;
  return std::nullopt;
}

std::string_view metadata_of(const TensorFile& file, std::string_view key) {
  const auto found =
      std::ranges::find(file.metadata(), key, [](const auto& entry) { return entry.first; });
  return found == file.metadata().end() ? std::string_view() : found->second;
}

std::optional<bool> by_metadata(const TensorFile& file) {
  if (const auto said = by_name(metadata_of(file, "modelspec.prediction_type"))) return said;
  const std::string_view architecture = metadata_of(file, "modelspec.architecture");
  if (architecture.starts_with("stable-diffusion-v2-768-v")) return true;
  if (architecture.starts_with("stable-diffusion-v2-512")) return false;
  return std::nullopt;
}

// The value behind `key` at a line's beginning, without quotes.
std::string_view yaml_value(std::string_view text, std::string_view key) {
  constexpr std::string_view kAround = " \t\r\"'";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(kAround), line.size()));
    return line.substr(0, line.find_last_not_of(kAround) + 1);
  }
  return {};
}

std::optional<bool> by_yaml(const std::string& path) {
  const auto yaml = std::filesystem::path(path).replace_extension(".yaml");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(yaml, ignored)) return std::nullopt;
  const Result<std::string> text = read_file(yaml.string(), kLargestYaml);
  return text.ok() ? by_name(yaml_value(*text, "parameterization:")) : std::nullopt;
}

}  // namespace

PredictionHint prediction_hint(const TensorFile& file) {
  const bool has_zero_snr = file.find("ztsnr") != nullptr;
  // Noise cannot be told from noise alone: such a model predicts v.
  if (has_zero_snr || file.find("v_pred") != nullptr) return {true, has_zero_snr};
  if (const auto said = by_metadata(file)) return {said};
  return {by_yaml(file.path())};
}

}  // namespace tempera::frontend
