#include "diffusion/picture_plan.h"

#include "base/check.h"
#include "diffusion/prompt/extra_networks.h"
#include "diffusion/start.h"

namespace tempera::diffusion {
namespace {

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

}  // namespace

Result<PicturePlan> plan_pictures(const PictureRequest& request, const ModelSettings& model) {
  PicturePlan plan;
  ASSIGN_OR_RETURN(plan.sampler, make_plan(request, model.scheduler));
  ASSIGN_OR_RETURN(plan.prompts, plan_prompts(request, model));
  return plan;
}

}  // namespace tempera::diffusion
