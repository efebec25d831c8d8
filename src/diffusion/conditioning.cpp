#include "diffusion/conditioning.h"

#include <algorithm>

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

// Each prompt's row once a picture: [rows, tokens, width] -> [model batch, tokens, width].
Tensor repeat_rows(const Tensor& encoded, int64_t pictures) {
  Shape shape = encoded.shape;
  const int64_t rows = shape[0];
  shape[0] = rows * pictures;
  Tensor context(DType::f32, shape);
  const auto from = encoded.as<float>();
  const size_t row_size = from.size() / static_cast<size_t>(rows);
  auto to = context.as<float>().begin();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t picture = 0; picture < pictures; ++picture)
      to = std::ranges::copy(from.subspan(row * row_size, row_size), to).out;
  return context;
}

}  // namespace

Tensor prompt_ids(const PictureRequest& request, const ModelSettings& model) {
  CHECK(model.tokenizer, "a model without a tokenizer");
  const int64_t rows = is_guided(request) ? 2 : 1;
  Tensor ids(DType::i32, {rows, model.text_tokens});
  auto to = ids.as<int32_t>().begin();
  const auto add = [&](const std::string& text) {
    to = std::ranges::copy(model.tokenizer->encode_padded(text, model.text_tokens), to).out;
  };
  if (is_guided(request)) add(request.negative_prompt);
  add(request.prompt);
  return ids;
}

Result<Conditioning> encode_prompts(const PictureRequest& request, const ModelSettings& model,
                                    const Components& components, size_t calls,
                                    const ProgressFunction& progress) {
  const Tensor ids = prompt_ids(request, model);
  TRY(check_ids(ids, model));
  TRY(report(progress, Stage::encode, 0, ids.shape[0]));
  ASSIGN_OR_RETURN(const Tensor encoded, components.encode(ids));
  CHECK(
      encoded.dtype == DType::f32 && encoded.shape.size() == 3 && encoded.shape[0] == ids.shape[0],
      "the text encoder gave {} for {}", to_string(encoded.shape), to_string(ids.shape));
  TRY(report(progress, Stage::encode, ids.shape[0], ids.shape[0]));
  return Conditioning{{repeat_rows(encoded, static_cast<int64_t>(request.seeds.size()))},
                      std::vector<size_t>(calls, 0)};
}

}  // namespace tempera::diffusion
