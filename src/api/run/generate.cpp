#include "api/run/generate.h"

#include <algorithm>

#include "api/run/batches.h"
#include "api/run/generate/components.h"
#include "api/run/generate/prepared_pass.h"
#include "api/run/generate/preview.h"
#include "api/run/generate/watch.h"
#include "diffusion/start.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

// All plans before the first weight is read: what cannot be compiled is said early.
Status compile_all(Session& session, const ComponentRequests& requests, Watch& watch) {
  const std::vector<const ComponentRequest*> all = requests.all();
  const auto total = static_cast<int64_t>(all.size());
  for (int64_t done = 0; done < total; ++done) {
    if (!watch.report(GenerateStage::compile, done, total, all[done]->component)) return stopped();
    const auto compiled = session.compiled(*all[done]);
    if (!compiled.ok()) return compiled.error();
  }
  if (!watch.report(GenerateStage::compile, total, total)) return stopped();
  return {};
}

GenerateStage stage_of(diffusion::Stage stage) {
  if (stage == diffusion::Stage::encode) return GenerateStage::encode;
  return stage == diffusion::Stage::denoise ? GenerateStage::denoise : GenerateStage::decode;
}

Generated collect(const PreparedPass& pass, diffusion::Pictures pictures, const ModelInfo& info) {
  const PictureRequest& request = pass.request;
  Generated result;
  for (size_t i = 0; i < pictures.images.size(); ++i)
    result.pictures.push_back({std::move(pictures.images[i]), request.seeds[i],
                               parameters_text(request, pass.plan.sampler, info, i)});
  result.latents = std::move(pictures.latents);
  result.step_latents = std::move(pictures.step_latents);
  return result;
}

Result<Generated> generate_pass(Session& session, const PictureRequest& request,
                                const GenerateProgressFunction& progress,
                                const MemoryMeans& means) {
  ASSIGN_OR_RETURN(const PreparedPass pass, prepare(session, request, means));
  std::map<GenerateStage, double> seconds;
  Watch watch(progress, seconds);
  const WatchedSetup watched(session, watch);
  TRY(compile_all(session, pass.components, watch));
  Denoiser denoiser;
  const auto report = [&](const diffusion::Progress& p) {
    GenerateProgress event{stage_of(p.stage), p.done, p.total};
    if (p.original)
      event.preview = [&](PreviewKind kind) {
        return preview_pictures(session, pass, p.original(), kind);
      };
    return watch.report(event);
  };
  ASSIGN_OR_RETURN(diffusion::Pictures pictures,
                   diffusion::make_pictures(request, pass.model, pass.plan,
                                            components_of(session, pass, denoiser, watch), report));
  Generated result = collect(pass, std::move(pictures), session.info());
  result.seconds = std::move(seconds);
  return result;
}

// What the second pass begins as.
void set_enlarged(const PictureRequest& request, const ModelInfo& info, Generated first,
                  PictureRequest& second) {
  const diffusion::Size size = {second.width, second.height};
  if (request.hires.upscaler == diffusion::Upscaler::lanczos) {
    for (const GeneratedPicture& picture : first.pictures)
      second.init.images.push_back(diffusion::resize(picture.image, size));
    return;
  }
  const int64_t scale = info.vae_scale;
  second.init.latents = diffusion::upscale_latents(first.latents.as<float>(),
                                                   {request.width / scale, request.height / scale},
                                                   {size.width / scale, size.height / scale});
}

Result<Generated> generate_at_once(Session& session, const PictureRequest& request,
                                   const GenerateProgressFunction& progress,
                                   const MemoryMeans& means) {
  if (!is_given(request.hires)) return generate_pass(session, request, progress, means);
  const ModelInfo& info = session.info();
  ASSIGN_OR_RETURN(Generated first,
                   generate_pass(session, diffusion::first_pass(request), progress, means));
  const int64_t scale = info.vae_scale;
  for (const char* component : {"unet", "vae_decoder"})
    session.release_size(
        {.component = component, .height = request.height / scale, .width = request.width / scale});
  if (means.decode_tile > 0) session.release("vae_decoder");  // tiles of another size
  PictureRequest second = diffusion::second_pass(request, scale);
  const std::map<GenerateStage, double> seconds = first.seconds;
  set_enlarged(request, info, std::move(first), second);
  ASSIGN_OR_RETURN(Generated result, generate_pass(session, second, progress, means));
  for (const auto& [stage, spent] : seconds) result.seconds[stage] += spent;
  ASSIGN_OR_RETURN(const diffusion::SchedulerConfig scheduler,
                   diffusion::read_scheduler_config(info.scheduler_config));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan, diffusion::make_plan(request, scheduler));
  for (size_t i = 0; i < result.pictures.size(); ++i)
    result.pictures[i].parameters = parameters_text(request, plan, info, i);
  return result;
}

}  // namespace

std::string_view name(GenerateStage stage) {
  constexpr std::string_view kNames[] = {"compile", "encode", "load", "denoise", "decode"};
  return kNames[static_cast<size_t>(stage)];
}

Result<Generated> generate(Session& session, const PictureRequest& request,
                           const GenerateProgressFunction& progress, const MemoryMeans& means) {
  const auto all = static_cast<int64_t>(request.seeds.size());
  if (means.pictures == 0 || means.pictures >= all)
    return generate_at_once(session, request, progress, means);
  Generated result;
  for (int64_t first = 0; first < all; first += means.pictures) {
    const PictureRequest part = pictures_of(request, first, std::min(means.pictures, all - first));
    ASSIGN_OR_RETURN(Generated generated, generate_at_once(session, part, progress, means));
    append(std::move(generated), result);
  }
  return result;
}

}  // namespace tempera::api
