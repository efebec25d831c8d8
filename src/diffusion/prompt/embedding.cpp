#include "diffusion/prompt/embedding.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include "base/text.h"
#include "diffusion/prompt/clip_text.h"
#include "diffusion/prompt/utf8.h"
#include "tensor_file/convert.h"

namespace tempera::diffusion {
namespace {

namespace fs = std::filesystem;

std::string normalized(std::string_view text) { return normalize_clip_text(repair_utf8(text)); }

bool is_embedding_file(const fs::directory_entry& entry) {
  constexpr std::array<std::string_view, 3> kExtensions = {".safetensors", ".pt", ".bin"};
  std::error_code ignored;
  const std::string extension = entry.path().extension().string();
  return entry.is_regular_file(ignored) &&
         std::ranges::find(kExtensions, extension) != kExtensions.end();
}

Error no_embedding(const std::string& path, std::string_view what) {
  return error(ErrorCode::data_loss,
               "{}: {}; a textual inversion is a tensor emb_params, one below string_to_param, or "
               "the file's only one",
               path, what);
}

// The tensor that holds the vectors.
Result<const StoredTensor*> find_vectors(const std::string& path, const NamedTensors& tensors) {
  const StoredTensor* found = nullptr;
  bool has_dictionary = false;
  for (const auto& [name, tensor] : tensors) {
    if (name == "clip_g" || name == "clip_l")
      return error(ErrorCode::unsupported,
                   "{}: a textual inversion for SDXL, which is not supported yet", path);
    if (name == "emb_params") return &tensor;
    const bool in_dictionary = name.starts_with("string_to_param");
    if (has_dictionary && !in_dictionary) continue;
    if (found != nullptr && in_dictionary == has_dictionary)
      return no_embedding(path, "holds several tensors");
    found = &tensor;
    has_dictionary = in_dictionary;
  }
  if (found == nullptr) return no_embedding(path, "holds no tensor");
  return found;
}

std::string_view family_of_width(int64_t width) {
  switch (width) {
    case 768:
      return " (that of Stable Diffusion 1)";
    case 1024:
      return " (that of Stable Diffusion 2)";
    case 1280:
      return " (that of SDXL)";
    default:
      return "";
  }
}

}  // namespace

Result<std::vector<EmbeddingFile>> list_embeddings(const std::string& folder) {
  std::error_code failure;
  std::vector<EmbeddingFile> files;
  for (auto entry = fs::recursive_directory_iterator(folder, failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure))
    if (is_embedding_file(*entry))
      files.push_back({entry->path().stem().string(), entry->path().string()});
  if (failure)
    return error(ErrorCode::not_found, "{}: cannot read the folder of embeddings: {}", folder,
                 failure.message());
  std::ranges::sort(files, {}, [](const EmbeddingFile& file) {
    return std::pair(normalized(file.name), file.path);
  });
  const auto same = [](const EmbeddingFile& a, const EmbeddingFile& b) {
    return normalized(a.name) == normalized(b.name);
  };
  const auto repeated = std::ranges::unique(files, same);
  files.erase(repeated.begin(), repeated.end());
  return files;
}

std::vector<EmbeddingFile> embeddings_in(std::string_view text,
                                         const std::vector<EmbeddingFile>& files) {
  const std::string plain = normalized(text);
  std::vector<EmbeddingFile> found;
  for (const EmbeddingFile& file : files)
    if (contains_word(plain, normalized(file.name))) found.push_back(file);
  return found;
}

Result<Embedding> make_embedding(const EmbeddingFile& file, const NamedTensors& tensors,
                                 int64_t width) {
  ASSIGN_OR_RETURN(const StoredTensor* vectors, find_vectors(file.path, tensors));
  Shape shape = vectors->shape;
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  if (shape.size() != 2 || element_count(shape) == 0 || !is_float(vectors->dtype))
    return no_embedding(
        file.path, fmt::format("holds {} {}", name(vectors->dtype), to_string(vectors->shape)));
  if (width != 0 && shape[1] != width)
    return error(ErrorCode::invalid_argument,
                 "{}: an embedding of width {}{} does not fit this model's text encoder, whose is "
                 "{}{}",
                 file.path, shape[1], family_of_width(shape[1]), width, family_of_width(width));
  ASSIGN_OR_RETURN(const Tensor stored, load(*vectors));
  Embedding embedding{file.name, Tensor(DType::f32, shape)};
  widen_to_f32(stored.dtype, stored.data, embedding.vectors.as<float>());
  return embedding;
}

void add_embeddings(std::span<const Embedding> embeddings, int64_t first_id, Tokenizer& tokenizer) {
  auto next = static_cast<int32_t>(first_id);
  for (const Embedding& embedding : embeddings) {
    std::vector<int32_t> ids(static_cast<size_t>(embedding.vectors.shape[0]));
    std::iota(ids.begin(), ids.end(), next);
    next += static_cast<int32_t>(ids.size());
    tokenizer.add_word(embedding.name, ids);
  }
}

Result<Tensor> embedding_rows(std::span<const Embedding> embeddings, int64_t width) {
  Tensor rows(DType::f32, {kAddedTokens, width});
  std::span<float> rest = rows.as<float>();
  for (const Embedding& embedding : embeddings) {
    const std::span<const float> vectors = embedding.vectors.as<float>();
    if (vectors.size() > rest.size())
      return error(ErrorCode::resource_exhausted,
                   "the embeddings that the prompts name have more than {} vectors together, with "
                   "those of {}",
                   kAddedTokens, quote(embedding.name));
    std::ranges::copy(vectors, rest.begin());
    rest = rest.subspan(vectors.size());
  }
  return rows;
}

}  // namespace tempera::diffusion
