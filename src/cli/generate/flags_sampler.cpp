#include "cli/generate/flags_sampler.h"

namespace tempera::cli {

void SamplerFlags::add(CLI::App& app) {
  app.add_option("--prediction", prediction,
                 "What the model predicts: epsilon, v or sample [the model's]")
      ->type_name("NAME");
  app.add_option("--eta", eta,
                 "Fresh noise of ddim, 0 to 1 [0], or what tcd gives back as noise [0.3]")
      ->type_name("X");
  app.add_flag("--rescale-betas-zero-snr", rescale_betas_zero_snr,
               "Noise levels that end in no signal at all, for models trained so");
  app.add_option("--guidance-rescale", guidance_rescale,
                 "How far the guided prediction takes the prompt's own spread, 0 to 1 [0]")
      ->type_name("X");
}

Status SamplerFlags::apply(api::GenerateSettings& settings) const {
  if (!(guidance_rescale >= 0.0 && guidance_rescale <= 1.0))
    return error(ErrorCode::invalid_argument, "--guidance-rescale {} is not within 0 to 1",
                 guidance_rescale);
  settings.prediction = prediction;
  settings.eta = eta;
  settings.rescale_betas_zero_snr = rescale_betas_zero_snr;
  settings.guidance_rescale = guidance_rescale;
  return {};
}

}  // namespace tempera::cli
