#include "diffusion/infotext.h"

#include "base/json.h"

namespace tempera::diffusion {
namespace {

std::string quote_value(const std::string& value) {
  if (value.find_first_of(",:\n") == std::string::npos) return value;
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string format_infotext(const Infotext& infotext) {
  std::string text = infotext.prompt + "\n";
  if (!infotext.negative_prompt.empty())
    text += "Negative prompt: " + infotext.negative_prompt + "\n";
  bool first = true;
  for (const auto& [key, value] : infotext.fields) {
    text += (first ? "" : ", ") + key + ": " + quote_value(value);
    first = false;
  }
  return text;
}

Infotext describe_picture(const PictureRequest& request, const SamplerPlan& plan, size_t index,
                          const std::string& model, const std::string& version) {
  Infotext infotext{request.prompt, request.negative_prompt, {}};
  auto& fields = infotext.fields;
  fields.emplace_back("Steps", fmt::format("{}", plan.steps));
  fields.emplace_back("Sampler", title(plan));
  fields.emplace_back("CFG scale", fmt::format("{}", request.guidance_scale));
  fields.emplace_back("Seed", fmt::format("{}", request.seeds.at(index)));
  fields.emplace_back("Size", fmt::format("{}x{}", request.width, request.height));
  if (!model.empty()) fields.emplace_back("Model", model);
  if (plan.eta != 0.0) fields.emplace_back("Eta", fmt::format("{}", plan.eta));
  fields.emplace_back("Version", version);
  return infotext;
}

}  // namespace tempera::diffusion
