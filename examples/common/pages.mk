# The pages are assembled into page.o, which the compiler's own dependencies do not tell.
$(FLAVOURS:%=$(OUT)/%/obj/examples/common/page.o): $(wildcard examples/www/*)
