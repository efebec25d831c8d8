#include "diffusion/picture_plan.h"

#include "base/check.h"
#include "diffusion/prompt/extra_networks.h"
#include "diffusion/start.h"

namespace tempera::diffusion {
namespace {

// The places of a prompt's schedule for a step: AUTOMATIC1111 has one for each model call, as many
// in the last step as in any.
int64_t places_per_step(const SamplerPlan& sampler) {
  const bool is_a1111 = !sampler.linear_steps.empty();
  return is_a1111 ? static_cast<int64_t>(sampler.sampler->calls_per_step) : 1;
}

Result<PromptPlan> plan_prompts(const PictureRequest& request, const SamplerPlan& sampler,
                                const ModelSettings& model) {
  CHECK(model.tokenizer, "a model without a tokenizer");
  std::string prompt = request.prompt;
  if (request.prompts.language == PromptLanguage::a1111) {
    ASSIGN_OR_RETURN(ExtraNetworks networks, take_extra_networks(prompt));
    prompt = std::move(networks.text);
  }
  const int64_t places = places_per_step(sampler);
  PromptSettings settings = request.prompts;
  settings.steps_before *= places;
  return make_prompt_plan({prompt, is_guided(request) ? &request.negative_prompt : nullptr},
                          settings, *model.tokenizer, model.text_tokens,
                          request.sampler.steps * places);
}

}  // namespace

Result<PicturePlan> plan_pictures(const PictureRequest& request, const ModelSettings& model) {
  PicturePlan plan;
  ASSIGN_OR_RETURN(plan.sampler, make_plan(request, model.scheduler));
  ASSIGN_OR_RETURN(plan.prompts, plan_prompts(request, plan.sampler, model));
  return plan;
}

}  // namespace tempera::diffusion
