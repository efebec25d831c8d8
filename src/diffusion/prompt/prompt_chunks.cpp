#include "diffusion/prompt/prompt_chunks.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

constexpr size_t kCommaBacktrack = 20;  // AUTOMATIC1111's default

class Splitter {
 public:
  Splitter(const Tokenizer& tokenizer, int64_t length)
      : settings_(tokenizer.settings()),
        length_(static_cast<size_t>(length)),
        room_(static_cast<size_t>(length) - 2) {
    const std::vector<int32_t> comma = tokenizer.encode(",");
    if (comma.size() == 3) comma_ = comma[1];
  }

  // A token, or the ids of an added word.
  void add(std::span<const int32_t> word, float weight) {
    const bool is_comma = word[0] == comma_;
    if (ids_.size() == room_ && !is_comma && after_comma_ && room_ - after_comma_ < kCommaBacktrack)
      move_on_after_comma();
    if (word.size() <= room_ && ids_.size() + word.size() > room_) finish_chunk();
    for (const int32_t id : word) {
      if (ids_.size() == room_) finish_chunk();
      ids_.push_back(id);
      weights_.push_back(weight);
    }
    if (is_comma) after_comma_ = ids_.size();
  }

  void finish_chunk() {
    PromptChunk chunk{{settings_.begin_id}, {1.0f}};
    chunk.ids.insert(chunk.ids.end(), ids_.begin(), ids_.end());
    chunk.ids.push_back(settings_.end_id);
    chunk.ids.resize(length_, settings_.pad_id);
    chunk.weights.insert(chunk.weights.end(), weights_.begin(), weights_.end());
    chunk.weights.resize(length_, 1.0f);
    chunks_.push_back(std::move(chunk));
    ids_.clear();
    weights_.clear();
    after_comma_ = 0;
  }

  std::vector<PromptChunk> finish() {
    if (!ids_.empty() || chunks_.empty()) finish_chunk();
    return std::move(chunks_);
  }

 private:
  void move_on_after_comma() {
    const auto keep = static_cast<std::ptrdiff_t>(after_comma_);
    std::vector<int32_t> ids(ids_.begin() + keep, ids_.end());
    std::vector<float> weights(weights_.begin() + keep, weights_.end());
    ids_.resize(after_comma_);
    weights_.resize(after_comma_);
    finish_chunk();
    ids_ = std::move(ids);
    weights_ = std::move(weights);
  }

  TokenizerSettings settings_;
  size_t length_, room_;  // of a chunk; for text in it
  std::optional<int32_t> comma_;
  size_t after_comma_ = 0;  // the place after the chunk's last comma; 0: it has none
  std::vector<int32_t> ids_;
  std::vector<float> weights_;
  std::vector<PromptChunk> chunks_;
};

}  // namespace

PromptChunk plain_chunk(std::string_view text, const Tokenizer& tokenizer, int64_t length) {
  return {tokenizer.encode_padded(text, length),
          std::vector<float>(static_cast<size_t>(length), 1.0f)};
}

std::vector<PromptChunk> split_chunks(const std::vector<WeightedText>& runs,
                                      const Tokenizer& tokenizer, int64_t length) {
  CHECK(length >= 3, "no room for text in {} tokens", length);
  Splitter splitter(tokenizer, length);
  for (const WeightedText& run : runs) {
    if (run.is_break) {
      splitter.finish_chunk();
      continue;
    }
    const std::vector<int32_t> ids = tokenizer.encode(run.text);
    std::span<const int32_t> rest = std::span(ids).subspan(1, ids.size() - 2);
    while (!rest.empty()) {
      const size_t size = std::min(tokenizer.ids_of_word(rest[0]), rest.size());
      splitter.add(rest.first(size), static_cast<float>(run.weight));
      rest = rest.subspan(size);
    }
  }
  return splitter.finish();
}

}  // namespace tempera::diffusion
