#include "api/run/generate/prepared_pass.h"

namespace tempera::api {
namespace {

// With the words of the request's embeddings.
Result<diffusion::ModelSettings> model_settings(Session& session,
                                                const diffusion::PictureRequest& request) {
  const ModelInfo& info = session.info();
  diffusion::ModelSettings model{.vocabulary = info.vocabulary,
                                 .text_tokens = info.text_tokens,
                                 .latent_channels = info.latent_channels,
                                 .unet_channels = info.unet_channels,
                                 .vae_scale = info.vae_scale,
                                 .scaling_factor = info.scaling_factor};
  ASSIGN_OR_RETURN(model.tokenizer, session.tokenizer());
  diffusion::add_embeddings(request.embeddings, info.vocabulary, *model.tokenizer);
  for (const diffusion::Embedding& embedding : request.embeddings)
    model.vocabulary += embedding.vectors.shape[0];
  ASSIGN_OR_RETURN(model.scheduler, diffusion::read_scheduler_config(info.scheduler_config));
  return model;
}

}  // namespace

Result<PreparedPass> prepare(Session& session, const diffusion::PictureRequest& request,
                             const MemoryMeans& means) {
  PreparedPass pass{.request = request, .means = means};
  ASSIGN_OR_RETURN(pass.model, model_settings(session, request));
  ASSIGN_OR_RETURN(pass.plan, diffusion::plan_pictures(request, pass.model));
  pass.components = component_requests(request, pass.plan, session.info(), means);
  return pass;
}

}  // namespace tempera::api
