#include "api/run/generate/components.h"

#include <algorithm>

#include "api/run/generate/vae.h"

namespace tempera::api {
namespace {

using runtime::Executor;
using runtime::Stage;

Status set_input(Executor& executor, std::string_view name, std::span<const std::byte> bytes) {
  ASSIGN_OR_RETURN(const int index, executor.input(name));
  return executor.set_input(index, bytes);
}

// So many rows as the plan takes, from `first` on; what is missing at the end repeats the last row.
Tensor some_rows(const Tensor& ids, int64_t first, int64_t count) {
  const int64_t rows = ids.shape[0];
  Tensor some(ids.dtype, {count, ids.shape[1]});
  const size_t size = ids.data.size() / static_cast<size_t>(rows);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(std::min(first + i, rows - 1));
    std::copy_n(ids.data.begin() + static_cast<std::ptrdiff_t>(row * size), size,
                some.data.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(i) * size));
  }
  return some;
}

// The text encoder is used once: its memory goes before the UNet comes.
Result<Tensor> encode(Session& session, const PreparedPass& pass, const Tensor& ids,
                      int64_t clip_skip) {
  const ComponentRequest& request = pass.components.text_encoder.at(clip_skip);
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  ASSIGN_OR_RETURN(const Tensor added, diffusion::embedding_rows(pass.request.embeddings,
                                                                 session.info().context_width));
  TRY(set_input(*executor, "added_embeddings", added.data));
  ASSIGN_OR_RETURN(const int index, executor->output("last_hidden_state"));
  const runtime::PlanTensor& output = executor->plan().outputs[index];
  Shape shape = output.shape;
  shape[0] = ids.shape[0];
  Tensor hidden(output.dtype, shape);
  std::span<std::byte> rest(hidden.data);
  for (int64_t first = 0; first < ids.shape[0]; first += request.batch) {
    TRY(set_input(*executor, "input_ids", some_rows(ids, first, request.batch).data));
    TRY(executor->run(Stage::prompt));
    ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(index));
    const auto wanted = bytes.first(std::min(bytes.size(), rest.size()));
    std::ranges::copy(wanted, rest.begin());
    rest = rest.subspan(wanted.size());
  }
  session.release("text_encoder");
  return hidden;
}

}  // namespace

diffusion::Components components_of(Session& session, const PreparedPass& pass, Denoiser& denoiser,
                                    Watch& watch) {
  return {.encode = [&](const Tensor& ids,
                        int64_t clip_skip) { return encode(session, pass, ids, clip_skip); },
          .bind_context = [&](const Tensor& context) -> Status {
            session.release("vae_encoder");
            if (denoiser.is_bound()) return denoiser.bind(session, pass.components, context);
            const GenerateProgress interrupted = watch.last();
            if (!watch.report(GenerateStage::load, 0, 1, "unet")) return stopped();
            TRY(denoiser.bind(session, pass.components, context));
            return watch.report(interrupted) ? Status() : stopped();
          },
          .denoise = [&](const diffusion::ModelCall& call,
                         std::span<float> output) { return denoiser.step(call, output); },
          .encode_image = [&](std::span<const float> planes, std::span<float> moments) -> Status {
            if (!watch.report(GenerateStage::load, 0, 1, "vae_encoder")) return stopped();
            return encode_image(session, pass, planes, moments);
          },
          .decode = [&](std::span<const float> latent,
                        std::span<float> planes) { return decode(session, pass, latent, planes); }};
}

}  // namespace tempera::api
