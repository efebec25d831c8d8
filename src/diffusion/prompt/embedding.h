#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/prompt/tokenizer.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::diffusion {

// Textual inversion: words with embeddings of their own.

// So many vectors every text encoder is compiled to take beside its vocabulary.
inline constexpr int64_t kAddedTokens = 256;

struct Embedding {
  std::string name;  // the word in a prompt, in any case
  Tensor vectors;    // f32 [count, width]
};

// A file that may hold one; its name is the file's without the extension.
struct EmbeddingFile {
  std::string name, path;
};

// The .safetensors, .pt and .bin files of a folder and its sub-folders, in the order of their
// names; of equal names, ignoring case, the first path's. not_found: no such folder.
Result<std::vector<EmbeddingFile>> list_embeddings(const std::string& folder);

// Those whose names stand in the text as words of their own.
std::vector<EmbeddingFile> embeddings_in(std::string_view text,
                                         const std::vector<EmbeddingFile>& files);

// The vectors in a file's tensors: `emb_params`, the one tensor below `string_to_param`, or the
// only tensor, [count, width] or [width]. data_loss for anything else; unsupported for SDXL's pair;
// invalid_argument unless they are `width` wide (0: any width).
Result<Embedding> make_embedding(const EmbeddingFile& file, const NamedTensors& tensors,
                                 int64_t width);

// Gives each embedding's word ids from `first_id` on, a vector each, in order.
void add_embeddings(std::span<const Embedding> embeddings, int64_t first_id, Tokenizer& tokenizer);

// The rows that these ids mean: f32 [kAddedTokens, width], zeros behind the last.
// resource_exhausted: they are more.
Result<Tensor> embedding_rows(std::span<const Embedding> embeddings, int64_t width);

}  // namespace tempera::diffusion
