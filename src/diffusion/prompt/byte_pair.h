#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tempera::diffusion {

// A token's id, or none for what is no number of 31 bits.
std::optional<int32_t> read_token_id(const Json& json);

// Byte-pair encoding of single words, with the end of a word marked "</w>".
class BytePairs {
 public:
  using Vocabulary = std::unordered_map<std::string, int32_t>;  // token -> id

  // `vocab` is vocab.json, `merges` the text of merges.txt (one pair of tokens a line
  // in order of rank; a first line "#version" is skipped). Symbols that are not in the vocabulary
  // become `unknown_token`.
  static Result<BytePairs> make(const Json& vocab, std::string_view merges,
                                std::string_view unknown_token, std::string_view where);
  static Result<BytePairs> make(Vocabulary vocabulary, std::string_view merges,
                                std::string_view unknown_token, std::string_view where);

  // Appends the ids of one word of any bytes; takes n log n time.
  void encode(std::string_view word, std::vector<int32_t>& ids) const;
  std::optional<int32_t> find(const std::string& token) const;

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };
  Status add_merges(std::string_view merges, std::string_view where);
  Status add_merge(std::string_view line, int32_t rank, std::string_view where);
  const Merge* merge_of(int32_t left, int32_t right) const;

  Vocabulary vocabulary_;
  std::unordered_map<uint64_t, Merge> merges_;  // by left id << 32 | right id
  std::array<int32_t, 256> inner_{};            // the id of each byte within a word
  std::array<int32_t, 256> last_{};             // and of a word's last byte
};

}  // namespace tempera::diffusion
