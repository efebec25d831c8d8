#include "api/run/text.h"

#include <filesystem>

#include "base/json.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

std::string tokenizer_folder(const std::string& folder) {
  std::error_code ignored;
  const std::string inner = (fs::path(folder) / "tokenizer").string();
  return fs::is_directory(inner, ignored) ? inner : folder;
}

}  // namespace

Result<diffusion::Tokenizer> open_tokenizer(const std::string& folder) {
  return diffusion::load_tokenizer(tokenizer_folder(folder));
}

Result<int64_t> padded_length(const std::string& folder, const diffusion::Tokenizer& tokenizer) {
  const std::string config = folder + "/text_encoder/config.json";
  std::error_code ignored;
  if (!fs::is_regular_file(config, ignored)) return tokenizer.settings().model_max_length;
  ASSIGN_OR_RETURN(const Json json, read_json_file(config));
  return get_or<int64_t>(json, "max_position_embeddings", tokenizer.settings().model_max_length,
                         config);
}

Result<std::vector<int32_t>> tokenize(const std::string& folder, std::string_view text) {
  ASSIGN_OR_RETURN(const auto tokenizer, open_tokenizer(folder));
  return tokenizer.encode(text);
}

Result<std::vector<int32_t>> tokenize_padded(const std::string& folder, std::string_view text) {
  ASSIGN_OR_RETURN(const auto tokenizer, open_tokenizer(folder));
  ASSIGN_OR_RETURN(const int64_t length, padded_length(folder, tokenizer));
  return tokenizer.encode_padded(text, length);
}

}  // namespace tempera::api
