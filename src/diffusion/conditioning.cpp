#include "diffusion/conditioning.h"

#include <algorithm>
#include <map>
#include <numeric>

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
  EncodedChunks(const PromptPlan& plan, int64_t length) : length_(length) {
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

  // Appends [length, width], weighted, with the mean that it had before.
  void append(const PromptChunk& chunk, std::vector<float>& to) const {
    const size_t size = static_cast<size_t>(length_ * width());
    const Batch& batch = batches_.at(chunk.clip_skip);
    const auto from = batch.hidden.as<float>().subspan(batch.row_of.at(chunk.ids) * size, size);
    const auto begin = static_cast<std::ptrdiff_t>(to.size());
    to.insert(to.end(), from.begin(), from.end());
    if (std::ranges::all_of(chunk.weights, [](float weight) { return weight == 1.0f; })) return;
    const std::span<float> added(to.begin() + begin, to.end());
    for (size_t i = 0; i < added.size(); ++i)
      added[i] *= chunk.weights[i / static_cast<size_t>(width())];
    restore_mean(from, added);
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

  static void restore_mean(std::span<const float> before, std::span<float> weighted) {
    const double wanted = std::accumulate(before.begin(), before.end(), 0.0);
    const double now = std::accumulate(weighted.begin(), weighted.end(), 0.0);
    if (now == 0.0) return;
    const auto factor = static_cast<float>(wanted / now);
    for (float& value : weighted) value *= factor;
  }

  int64_t length_;
  std::map<int64_t, Batch> batches_;  // by clip skip
};

// The row's chunks, over and over up to `chunks`, once for each picture.
void append_row(const PromptRow& row, int64_t chunks, size_t pictures, const EncodedChunks& encoded,
                std::vector<float>& context) {
  std::vector<float> values;
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    encoded.append(row[static_cast<size_t>(chunk) % row.size()], values);
  for (size_t picture = 0; picture < pictures; ++picture)
    context.insert(context.end(), values.begin(), values.end());
}

Tensor make_context(const std::vector<PromptRow>& rows, const PromptPlan& plan, int64_t length,
                    size_t pictures, const EncodedChunks& encoded) {
  std::vector<float> values;
  for (const PromptRow& row : rows) append_row(row, plan.chunks, pictures, encoded, values);
  const int64_t batch = plan.rows() * static_cast<int64_t>(pictures);
  return Tensor::of<float>(DType::f32, {batch, plan.chunks * length, encoded.width()}, values);
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
        plan.of_step[std::min(step_of(sampler, call), plan.of_step.size() - 1)]);
  return result;
}

}  // namespace tempera::diffusion
