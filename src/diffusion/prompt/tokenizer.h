#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/prompt/byte_pair.h"

namespace tempera::diffusion {

// A token that is found in the text itself, before words are split.
struct SpecialToken {
  std::string text;
  int32_t id = 0;
  bool normalized = false;         // looked for in the normalised text, not in the raw one
  std::vector<int32_t> more = {};  // ids that follow the first
  bool whole_word = false;         // found as contains_word() does
};

struct TokenizerSettings {
  int32_t begin_id = 0;
  int32_t end_id = 0;
  int32_t pad_id = 0;
  int64_t model_max_length = 77;
};

// Whether `word` stands in `text` with no letter, digit or '_' beside it (a byte beyond ASCII
// counts as a letter); a side of the word that is none itself may have any neighbour.
bool contains_word(std::string_view text, std::string_view word);

// CLIP's byte-pair tokenizer with the ids of transformers' CLIPTokenizer. Text need not be valid
// UTF-8: ill-formed parts count as U+FFFD. Copies share the pairs.
class Tokenizer {
 public:
  Tokenizer(BytePairs pairs, std::vector<SpecialToken> special_tokens,
            const TokenizerSettings& settings)
      : pairs_(std::make_shared<const BytePairs>(std::move(pairs))),
        special_tokens_(std::move(special_tokens)),
        settings_(settings) {}

  // begin, the text's ids, end; neither cut nor padded.
  std::vector<int32_t> encode(std::string_view text) const;
  // Exactly `length` (at least 2) ids: the text's ids cut to fit between begin and end, then
  // padding.
  std::vector<int32_t> encode_padded(std::string_view text, int64_t length) const;
  const TokenizerSettings& settings() const { return settings_; }

  // From now on `word`, in any case and where contains_word() sees it, is these ids, of which there
  // is one at least.
  void add_word(std::string_view word, const std::vector<int32_t>& ids);
  // How many ids the added word has that begins with this one; 1 for any other token.
  size_t ids_of_word(int32_t first) const;

 private:
  std::shared_ptr<const BytePairs> pairs_;
  std::vector<SpecialToken> special_tokens_;
  TokenizerSettings settings_;
};

// A tokenizer's files by name: vocab.json and merges.txt, and those that are there of
// tokenizer_config.json, special_tokens_map.json and added_tokens.json.
using TokenizerFiles = std::map<std::string, std::string>;
Result<TokenizerFiles> read_tokenizer_files(const std::string& folder);

// `folder` is where the files are from, for messages.
Result<Tokenizer> make_tokenizer(const TokenizerFiles& files, const std::string& folder);
Result<Tokenizer> load_tokenizer(const std::string& folder);

}  // namespace tempera::diffusion
