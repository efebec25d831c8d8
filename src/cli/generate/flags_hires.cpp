#include "cli/generate/flags_hires.h"

namespace tempera::cli {

void HiresFlags::add(CLI::App& app) {
  app.add_option("--hires", scale, "Enlarge the sides by this much and go over the picture again")
      ->type_name("X");
  app.add_option("--hires-steps", steps, "Steps of the second pass [as many as of the first]")
      ->type_name("N");
  app.add_option("--hires-strength", strength, "How much the second pass changes")
      ->type_name("X")
      ->capture_default_str();
  app.add_option("--hires-upscaler", upscaler,
                 "latent enlarges the latents, lanczos the decoded picture")
      ->type_name("NAME")
      ->capture_default_str();
}

Status HiresFlags::apply(api::GenerateSettings& settings) const {
  const bool is_default = steps == 0 && strength == 0.7 && upscaler == "latent";
  if (scale == 1 && !is_default)
    return error(ErrorCode::invalid_argument,
                 "--hires-steps, --hires-strength and --hires-upscaler need --hires");
  ASSIGN_OR_RETURN(const diffusion::Upscaler chosen, diffusion::parse_upscaler(upscaler));
  settings.hires = {.scale = scale, .steps = steps, .strength = strength, .upscaler = chosen};
  return {};
}

}  // namespace tempera::cli
