#include <algorithm>

#include "api/run/batches.h"
#include "api/run/compiled_plans.h"
#include "api/run/generate/prepared_pass.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

// The larger of what the two passes take: the first's executors go before the second.
Result<MemoryPrediction> predict_two_passes(Session& session, const PictureRequest& request,
                                            const MemoryMeans& means) {
  const int64_t scale = session.info().vae_scale;
  ASSIGN_OR_RETURN(const MemoryPrediction first,
                   predict_memory(session, diffusion::first_pass(request), means));
  PictureRequest second = diffusion::second_pass(request, scale);
  second.init.latents = {0};  // whatever they are
  if (request.hires.upscaler == diffusion::Upscaler::lanczos) second.init.images.resize(1);
  ASSIGN_OR_RETURN(MemoryPrediction prediction, predict_memory(session, second, means));
  prediction.peak = std::max(first.peak, prediction.peak);
  return prediction;
}

}  // namespace

Result<MemoryPrediction> predict_memory(Session& session, const PictureRequest& request,
                                        const MemoryMeans& means) {
  if (is_given(request.hires)) return predict_two_passes(session, request, means);
  if (means.pictures > 0 && means.pictures < static_cast<int64_t>(request.seeds.size())) {
    MemoryMeans of_batch = means;
    of_batch.pictures = 0;
    return predict_memory(session, pictures_of(request, 0, means.pictures), of_batch);
  }
  ASSIGN_OR_RETURN(const PreparedPass pass, prepare(session, request, means));
  const ComponentRequests& requests = pass.components;
  CompiledPlans compiled(session);
  const int threads = session.device().thread_count();
  MemoryPrediction prediction;
  ASSIGN_OR_RETURN(const auto* text_encoder, compiled.plan(requests.text_encoder.begin()->second));
  prediction.components.push_back(memory_of(*text_encoder, threads));
  if (!requests.vae_encoder.empty()) {
    ASSIGN_OR_RETURN(ComponentMemory encoder, compiled.memory(requests.vae_encoder));
    prediction.components.push_back(std::move(encoder));
  }
  std::vector<const runtime::Plan*> unet;
  for (const auto& [kind, wanted] : requests.unet) {
    ASSIGN_OR_RETURN(const auto* plan, compiled.plan(wanted));
    unet.push_back(plan);
  }
  prediction.components.push_back(memory_of(unet, threads));
  ASSIGN_OR_RETURN(ComponentMemory decoder, compiled.memory(requests.vae_decoder));
  // The planes that a picture is made of lie beside it.
  decoder.boundary += 3 * request.width * request.height * size_in_bytes(DType::f32);
  prediction.components.push_back(std::move(decoder));
  for (ComponentMemory& memory : prediction.components)
    if (!session.packs(memory.component)) memory.transient = 0;
  prediction.peak = predict_peak(prediction.components, compiled.resident(), means.frees_unet);
  return prediction;
}

}  // namespace tempera::api
