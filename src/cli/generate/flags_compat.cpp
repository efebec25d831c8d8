#include "cli/generate/flags_compat.h"

#include "api/run/noise.h"

namespace tempera::cli {

void CompatFlags::add(CLI::App& app) {
  app.add_option("--compat", compat,
                 "Samplers, schedules and noise as diffusers has them, or a1111: as AUTOMATIC1111 "
                 "[diffusers]")
      ->type_name("NAME");
  app.add_flag("--discard-next-to-last-sigma", k.discard_penultimate,
               "a1111: leave out the last sigma but one, with every sampler");
  app.add_flag("--sgm-noise-multiplier", k.sgm_noise_multiplier,
               "a1111: start from noise times sqrt(1 + sigma^2)");
  app.add_flag("--quantize-timesteps", k.quantize, "a1111: whole timesteps only");
  app.add_option("--s-churn", k.s_churn, "a1111: fresh noise of euler, heun and dpm2 [0]")
      ->type_name("X");
  app.add_option("--s-tmin", k.s_tmin, "a1111: no such noise below this sigma [0]")->type_name("X");
  app.add_option("--s-tmax", k.s_tmax, "a1111: nor above this one [none]")->type_name("X");
  app.add_option("--s-noise", k.s_noise, "a1111: fresh noise of any step is times this [1]")
      ->type_name("X");
  app.add_option("--sigma-min", k.sigma_min, "a1111: the schedule's smallest [the model's]")
      ->type_name("X");
  app.add_option("--sigma-max", k.sigma_max, "a1111: the schedule's largest [the model's]")
      ->type_name("X");
  app.add_option("--rho", k.rho, "a1111: the power of karras [7] and polyexponential [1]")
      ->type_name("X");
}

Status CompatFlags::apply(api::GenerateSettings& settings) const {
  if (compat) TRY(api::set_compat(*compat, settings));
  settings.k = k;
  if (settings.compat == diffusion::Compat::a1111 || k == diffusion::KOptions()) return {};
  return error(ErrorCode::invalid_argument,
               "--s-churn, --sigma-min and the like are AUTOMATIC1111's; pass --compat a1111");
}

}  // namespace tempera::cli
