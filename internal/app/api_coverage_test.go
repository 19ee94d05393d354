package app

import "fmt"

// covers asks how far people have to go, before and after launch.
func (s *city) covers(nobody, funder *citizen, campaign int64) {
	s.t.Helper()
	nobody.gets("/coverage?communes=Annecy&radius=5&target=80").wants(200).is("places_taking_voucher", "1").is("rows_are_communes", "true")
	nobody.gets("/coverage?region=84").wants(200).is("communes", "4020").is("rows_are_communes", "false")
	funder.gets(fmt.Sprintf("/campaigns/%d/coverage", campaign)).wants(200).is("communes_hidden", "2")
	s.refuses(nobody)
}

func (s *city) refuses(nobody *citizen) {
	s.t.Helper()
	nobody.gets("/coverage?departements=74&radius=7").refuses(422, "radius_unknown")
	nobody.gets("/coverage?departements=74&target=101").refuses(422, "target_out_of_range")
	nobody.gets("/coverage?departements=999").refuses(422, "area_code_unknown")
}
