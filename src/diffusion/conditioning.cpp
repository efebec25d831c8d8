#include "diffusion/conditioning.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "diffusion/prompt/extra_networks.h"

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
        for (const PromptChunk& chunk : row)
          if (row_of_.emplace(chunk.ids, row_of_.size()).second)
            ids_.insert(ids_.end(), chunk.ids.begin(), chunk.ids.end());
  }

  Status encode(const ModelSettings& model, const Components& components,
                const ProgressFunction& progress) {
    const auto rows = static_cast<int64_t>(row_of_.size());
    const Tensor ids = Tensor::of<int32_t>(DType::i32, {rows, length_}, ids_);
    TRY(check_ids(ids, model));
    TRY(report(progress, Stage::encode, 0, rows));
    ASSIGN_OR_RETURN(hidden_, components.encode(ids));
    CHECK(hidden_.dtype == DType::f32 && hidden_.shape.size() == 3 && hidden_.shape[0] == rows &&
              hidden_.shape[1] == length_,
          "the text encoder gave {} for {}", to_string(hidden_.shape), to_string(ids.shape));
    return report(progress, Stage::encode, rows, rows);
  }

  int64_t width() const { return hidden_.shape[2]; }

  // Appends [length, width], weighted, with the mean that it had before.
  void append(const PromptChunk& chunk, std::vector<float>& to) const {
    const size_t size = static_cast<size_t>(length_ * width());
    const auto from = hidden_.as<float>().subspan(row_of_.at(chunk.ids) * size, size);
    const auto begin = static_cast<std::ptrdiff_t>(to.size());
    to.insert(to.end(), from.begin(), from.end());
    if (std::ranges::all_of(chunk.weights, [](float weight) { return weight == 1.0f; })) return;
    const std::span<float> added(to.begin() + begin, to.end());
    for (size_t i = 0; i < added.size(); ++i)
      added[i] *= chunk.weights[i / static_cast<size_t>(width())];
    restore_mean(from, added);
  }

 private:
  static void restore_mean(std::span<const float> before, std::span<float> weighted) {
    const double wanted = std::accumulate(before.begin(), before.end(), 0.0);
    const double now = std::accumulate(weighted.begin(), weighted.end(), 0.0);
    if (now == 0.0) return;
    const auto factor = static_cast<float>(wanted / now);
    for (float& value : weighted) value *= factor;
  }

  int64_t length_;
  std::map<std::vector<int32_t>, size_t> row_of_;
  std::vector<int32_t> ids_;
  Tensor hidden_;
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

Result<PromptPlan> plan_prompts(const PictureRequest& request, const ModelSettings& model) {
  CHECK(model.tokenizer, "a model without a tokenizer");
  std::string prompt = request.prompt;
  if (request.prompts.language == PromptLanguage::a1111) {
    ASSIGN_OR_RETURN(ExtraNetworks networks, take_extra_networks(prompt));
    prompt = std::move(networks.text);
  }
  return make_prompt_plan({prompt, is_guided(request) ? &request.negative_prompt : nullptr},
                          request.prompts, *model.tokenizer, model.text_tokens,
                          request.sampler.steps);
}

Result<Conditioning> encode_prompts(const PictureRequest& request, const ModelSettings& model,
                                    const Components& components, const SamplerPlan& sampler,
                                    const ProgressFunction& progress) {
  ASSIGN_OR_RETURN(const PromptPlan plan, plan_prompts(request, model));
  EncodedChunks encoded(plan, model.text_tokens);
  TRY(encoded.encode(model, components, progress));
  Conditioning result{.part_weights = plan.part_weights};
  for (const auto& rows : plan.contexts)
    result.contexts.push_back(
        make_context(rows, plan, model.text_tokens, request.seeds.size(), encoded));
  for (size_t call = 0; call < sampler.timesteps.size(); ++call)
    result.of_call.push_back(
        plan.of_step[std::min(step_of(sampler, call), plan.of_step.size() - 1)]);
  return result;
}

}  // namespace tempera::diffusion
