#include "cli/generate/flags_init_image.h"

namespace tempera::cli {

void InitImageFlags::add(CLI::App& app) {
  app.add_option("--init-image", settings.image, "Change this picture in the place of noise")
      ->type_name("FILE");
  app.add_option("--strength", settings.strength,
                 "How much of it to change: the part of the steps that is run [0.75]")
      ->type_name("X");
  app.add_option("--fit", settings.fit,
                 "How a picture of another shape is brought to the size: crop, stretch or pad")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--extend", settings.extend,
                 "Paint on beyond its sides by so many pixels, as in left=64,top=32 or all=64")
      ->type_name("SIDE=N[,...]");
  add_mask(app);
}

void InitImageFlags::add_mask(CLI::App& app) {
  app.add_option("--mask", settings.mask,
                 "Repaint only what is white there, in a pure colour, or transparent")
      ->type_name("FILE");
  app.add_option("--mask-color", settings.mask_color,
                 "The colour there that is repainted: #rrggbb, or green, red, white, black, ... "
                 "[told from the picture]")
      ->type_name("COLOR");
  app.add_option("--mask-blur", settings.mask_blur, "Pixels by which to soften the mask")
      ->type_name("X")
      ->capture_default_str();
  app.add_option("--mask-fill", settings.mask_fill,
                 "What the part to repaint begins as: original, noise, zero or blur")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag("--only-masked", settings.only_masked,
               "Work at the full size on the part around the mask alone");
  app.add_option("--only-masked-padding", settings.only_masked_padding, "Pixels around it")
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--composite,!--no-composite", settings.composite,
               "Put what is kept back exactly, not as the VAE decodes it [on]");
}

Status InitImageFlags::apply(api::GenerateSettings& generate) const {
  generate.init = settings;
  return {};
}

}  // namespace tempera::cli
