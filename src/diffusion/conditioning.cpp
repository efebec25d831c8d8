#include "diffusion/conditioning.h"

#include <algorithm>
#include <map>

namespace tempera::diffusion {

namespace {

Status check_ids(const Tensor& ids, const ModelSettings& model) {
  const int64_t largest = std::ranges::max(ids.as<int32_t>());
  if (model.vocabulary == 0 || largest < model.vocabulary) return {};
  return error(
      ErrorCode::data_loss,
      "the tokenizer gives the id {}, but the text encoder has only {} tokens; are both of "
      "one model?",
      largest, model.vocabulary);
}

// Chunks of equal ids are encoded once, in the order in which they first appear.
class EncodedChunks {
 public:
  EncodedChunks(const PromptPlan& plan, int64_t length)
      : length_(length), mean_groups_(plan.mean_groups) {
    for (const auto& rows : plan.contexts)
      for (const PromptRow& row : rows)
        for (const PromptChunk& chunk : row) add(chunk);
  }

  Status encode(const ModelSettings& model, const Components& components,
                const ProgressFunction& progress) {
    int64_t rows = 0, done = 0;
    for (const auto& [clip_skip, batch] : batches_) rows += std::ssize(batch.row_of);
    TRY(report(progress, Stage::encode, 0, rows));
    for (auto& [clip_skip, batch] : batches_) {
      TRY(encode(model, components, clip_skip, batch));
      done += std::ssize(batch.row_of);
      TRY(report(progress, Stage::encode, done, rows));
    }
    return {};
  }

  int64_t width() const { return batches_.begin()->second.hidden.shape[2]; }

  // Appends [length, width], weighted, with the mean that the chunk's group had before.
  void append(const PromptChunk& chunk, std::vector<float>& to) const {
    const std::span<const float> hidden = hidden_of(chunk);
    const auto factor = static_cast<float>(mean_factor(mean_groups_[chunk.mean_group]));
    for (size_t i = 0; i < hidden.size(); ++i) {
      const float weighted = hidden[i] * weight_at(chunk, i);
      to.push_back(factor == 1.0f ? weighted : weighted * factor);
    }
  }

 private:
  // Of one clip skip: one run of the text encoder.
  struct Batch {
    std::map<std::vector<int32_t>, size_t> row_of;
    std::vector<int32_t> ids;
    Tensor hidden;
  };

  void add(const PromptChunk& chunk) {
    Batch& batch = batches_[chunk.clip_skip];
    if (batch.row_of.emplace(chunk.ids, batch.row_of.size()).second)
      batch.ids.insert(batch.ids.end(), chunk.ids.begin(), chunk.ids.end());
  }

  Status encode(const ModelSettings& model, const Components& components, int64_t clip_skip,
                Batch& batch) const {
    const int64_t rows = std::ssize(batch.row_of);
    const Tensor ids = Tensor::of<int32_t>(DType::i32, {rows, length_}, batch.ids);
    TRY(check_ids(ids, model));
    ASSIGN_OR_RETURN(batch.hidden, components.encode(ids, clip_skip));
    const Tensor& hidden = batch.hidden;
    CHECK(hidden.dtype == DType::f32 && hidden.shape.size() == 3 && hidden.shape[0] == rows &&
              hidden.shape[1] == length_,
          "the text encoder gave {} for {}", to_string(hidden.shape), to_string(ids.shape));
    return {};
  }

  // [length, width]
  std::span<const float> hidden_of(const PromptChunk& chunk) const {
    const auto size = static_cast<size_t>(length_ * width());
    const Batch& batch = batches_.at(chunk.clip_skip);
    return batch.hidden.as<float>().subspan(batch.row_of.at(chunk.ids) * size, size);
  }

  float weight_at(const PromptChunk& chunk, size_t element) const {
    return chunk.weights[element / static_cast<size_t>(width())];
  }

  // What the group's weighted states are multiplied by; 1 where nothing is weighted.
  double mean_factor(const std::vector<PromptChunk>& group) const {
    const auto is_plain = [](const PromptChunk& chunk) {
      return std::ranges::all_of(chunk.weights, [](float weight) { return weight == 1.0f; });
    };
    if (std::ranges::all_of(group, is_plain)) return 1.0;
    double wanted = 0, now = 0;
    for (const PromptChunk& chunk : group) {
      const std::span<const float> hidden = hidden_of(chunk);
      for (size_t i = 0; i < hidden.size(); ++i) {
        wanted += hidden[i];
        now += double{hidden[i]} * weight_at(chunk, i);
      }
    }
    return now == 0.0 ? 1.0 : wanted / now;
  }

  int64_t length_;
  const std::vector<std::vector<PromptChunk>>& mean_groups_;
  std::map<int64_t, Batch> batches_;  // by clip skip
};

// [chunks * length, width]: the row's chunks, and its last hidden state up to `chunks`.
std::vector<float> row_values(const PromptRow& row, int64_t chunks, const EncodedChunks& encoded) {
  std::vector<float> values;
  for (const PromptChunk& chunk : row) encoded.append(chunk, values);
  const size_t size = values.size() / row.size() * static_cast<size_t>(chunks);
  const auto width = static_cast<size_t>(encoded.width());
  values.reserve(size);
  while (values.size() < size) values.push_back(values[values.size() - width]);
  return values;
}

Tensor make_context(const std::vector<PromptRow>& rows, const PromptPlan& plan, int64_t length,
                    size_t pictures, const EncodedChunks& encoded) {
  std::vector<float> values;
  for (size_t r = 0; r < rows.size(); ++r) {
    const bool is_negative = plan.has_negative && r == 0;
    const int64_t chunks = is_negative ? std::ssize(rows[r]) : plan.part_chunks;
    const std::vector<float> row = row_values(rows[r], chunks, encoded);
    const size_t copies = static_cast<size_t>(plan.chunks / chunks) * pictures;
    for (size_t copy = 0; copy < copies; ++copy)
      values.insert(values.end(), row.begin(), row.end());
  }
  const int64_t batch = plan.rows() * static_cast<int64_t>(pictures);
  return Tensor::of<float>(DType::f32, {batch, plan.chunks * length, encoded.width()}, values);
}

// The place of a call in the prompts' schedules. AUTOMATIC1111 counts calls, from 0 where its
// schedules count from 1, so that a text serves one call more than it says.
size_t place_of(const SamplerPlan& sampler, size_t call) {
  const bool is_a1111 = !sampler.linear_steps.empty();
  if (is_a1111) return call == 0 ? 0 : call - 1;
  return step_of(sampler, call);
}

}  // namespace

Result<Conditioning> encode_prompts(const PicturePlan& picture, size_t pictures,
                                    const ModelSettings& model, const Components& components,
                                    const ProgressFunction& progress) {
  const SamplerPlan& sampler = picture.sampler;
  const PromptPlan& plan = picture.prompts;
  EncodedChunks encoded(plan, model.text_tokens);
  TRY(encoded.encode(model, components, progress));
  Conditioning result{.part_weights = plan.part_weights};
  for (const auto& rows : plan.contexts)
    result.contexts.push_back(make_context(rows, plan, model.text_tokens, pictures, encoded));
  for (size_t call = 0; call < sampler.timesteps.size(); ++call)
    result.of_call.push_back(
        plan.of_step[std::min(place_of(sampler, call), plan.of_step.size() - 1)]);
  return result;
}

}  // namespace tempera::diffusion
