#include "cli/flags_init_image.h"

namespace tempera::cli {

void InitImageFlags::add(CLI::App& app) {
  app.add_option("--init-image", settings.image, "Change this picture in the place of noise")
      ->type_name("FILE");
  app.add_option("--strength", settings.strength,
                 "How much of it to change: the part of the steps that is run [0.75]")
      ->type_name("X");
}

Status InitImageFlags::apply(api::GenerateSettings& generate) const {
  generate.init = settings;
  return {};
}

}  // namespace tempera::cli
